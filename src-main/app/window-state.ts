/** The window's position and size; a saved position that is on no screen is not used. Pure. */
import { z } from 'zod';

const rectangleSchema = z.object({
  x: z.number().int(),
  y: z.number().int(),
  width: z.number().int().min(1),
  height: z.number().int().min(1),
});
export type Rectangle = z.infer<typeof rectangleSchema>;

const windowStateSchema = z.object({ bounds: rectangleSchema, maximized: z.boolean() });
export type WindowState = z.infer<typeof windowStateSchema>;

/** The smallest size at which every screen is usable. */
export const MIN_WIDTH = 1024;
export const MIN_HEIGHT = 700;
const DEFAULT_WIDTH = 1440;
const DEFAULT_HEIGHT = 900;
/** Pixels of the title bar that must be on a screen, so that the window can be moved. */
const GRIP = 100;

function overlap(aStart: number, aLength: number, bStart: number, bLength: number): number {
  return Math.min(aStart + aLength, bStart + bLength) - Math.max(aStart, bStart);
}

/**
 * @param saved text of the saved file; null without one
 * @param screens work areas of all screens, the primary one first
 */
export function restoreWindowState(saved: string | null, screens: readonly Rectangle[]): WindowState {
  const area = screens[0] ?? { x: 0, y: 0, width: DEFAULT_WIDTH, height: DEFAULT_HEIGHT };
  const width = Math.min(DEFAULT_WIDTH, Math.max(MIN_WIDTH, area.width));
  const height = Math.min(DEFAULT_HEIGHT, Math.max(MIN_HEIGHT, area.height));
  const fallback: WindowState = {
    bounds: {
      x: area.x + Math.max(0, Math.round((area.width - width) / 2)),
      y: area.y + Math.max(0, Math.round((area.height - height) / 2)),
      width,
      height,
    },
    maximized: false,
  };
  const parsed = saved === null ? null : windowStateSchema.safeParse(parseJson(saved));
  if (parsed?.success !== true) return fallback;
  const { bounds, maximized } = parsed.data;
  const visible = screens.some(
    (screen) =>
      overlap(bounds.x, bounds.width, screen.x, screen.width) >= GRIP &&
      bounds.y >= screen.y &&
      bounds.y < screen.y + screen.height - GRIP,
  );
  if (!visible) return { ...fallback, maximized };
  return {
    bounds: { ...bounds, width: Math.max(MIN_WIDTH, bounds.width), height: Math.max(MIN_HEIGHT, bounds.height) },
    maximized,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null; // cut short by a power loss
    throw error;
  }
}
