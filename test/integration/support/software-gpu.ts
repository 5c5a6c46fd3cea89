/**
 * Chromium's software Vulkan driver, on which the webgpu provider runs in f32 without a GPU. Importing this file points
 * the Vulkan loader at it, before the runtime opens it.
 */
import { existsSync } from 'node:fs';

const DRIVERS = ['/usr/lib/chromium/vk_swiftshader_icd.json', '/opt/google/chrome/vk_swiftshader_icd.json'];

/** The driver's manifest, or null where Chromium is not installed. */
export const SOFTWARE_GPU = DRIVERS.find((path) => existsSync(path)) ?? null;

if (SOFTWARE_GPU !== null) {
  process.env['VK_DRIVER_FILES'] = SOFTWARE_GPU;
  // The loader complains on stderr without it.
  process.env['XDG_RUNTIME_DIR'] ??= '/tmp';
}
