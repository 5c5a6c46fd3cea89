/** Inspects a pack folder by headers alone: components, tensors, dtypes, bytes per format, missing parts. */
import { AppError } from '../../../base/app-error.js';
import { readOnnxOutline } from '../../weights/onnx-outline.js';
import { openPack, type Pack } from '../../pack/open-pack.js';
import type { InspectResult, QuantizedComponent } from '../../protocol.js';
import { elementCount, quantizedAs, storedBytes, storedDtype } from '../../weights/tensor-source.js';
import { bytesPerFormat } from '../memory/component-sizes.js';
import {
  openArcFace,
  openClip,
  openFlux,
  openImageProjection,
  openInfuseNet,
  openT5,
  openVae,
  type PackNetwork,
} from '../../pack/pack-networks.js';
import { requireRecognitionModel, sameContents } from '../../pack/recognition-model.js';

type Component = InspectResult['components'][number];

const NOTHING = {
  files: 0,
  tensors: 0,
  parameters: 0,
  bytes: 0,
  dtypes: [],
  missing: [],
  bytesPerFormat: {},
  quantized: null,
} as const;

/** @throws AppError pack.not-found, pack.invalid; problems of single components are listed */
export async function inspectPack(packPath: string): Promise<InspectResult> {
  const pack = await openPack(packPath);
  const components: Component[] = [
    await describe('flux', () => openFlux(pack), 'flux'),
    await describe('t5', () => openT5(pack), 't5'),
    await describe('clip', () => openClip(pack)),
    await describe('vae', () => openVae(pack)),
  ];
  for (const variant of pack.variants.keys()) {
    components.push(await describe(`infusenet/${variant}`, () => openInfuseNet(pack, variant), 'infusenet'));
    components.push(await describe(`image-projection/${variant}`, () => openImageProjection(pack, variant)));
  }
  const complete = components.every(({ missing }) => missing.length === 0);
  components.push(await describe('arcface', () => openArcFace(pack)));
  const second = await describeRecognition(pack);
  components.push(...second);
  return {
    kind: 'inspect',
    name: pack.name,
    licence: pack.licence,
    note: pack.note,
    faceDetection: pack.faceDetection.kind,
    modelVariants: [...pack.variants.keys()],
    defaults: pack.defaults,
    limits: pack.limits,
    components,
    complete: complete && detectorPresent(pack) && second.every(({ missing }) => missing.length === 0),
  };
}

function detectorPresent(pack: Pack): boolean {
  return pack.faceDetection.kind === 'centred' || pack.arcface === null || pack.scrfd !== null;
}

async function describe(
  component: string,
  open: () => Promise<PackNetwork<unknown>>,
  quantized?: QuantizedComponent,
): Promise<Component> {
  let network: PackNetwork<unknown>;
  try {
    network = await open();
  } catch (error) {
    return unusable(component, error);
  }
  try {
    const entries = [...network.source.entries.values()];
    return {
      component,
      files: new Set(entries.map(({ file }) => file)).size,
      tensors: entries.length,
      parameters: entries.reduce((sum, { shape }) => sum + elementCount(shape), 0),
      bytes: entries.reduce((sum, entry) => sum + storedBytes(entry), 0),
      dtypes: [...new Set(entries.map(storedDtype))],
      missing: [],
      bytesPerFormat: quantized === undefined ? {} : bytesPerFormat(quantized, network),
      quantized: quantizedAs(entries),
    };
  } finally {
    await network.source.close();
  }
}

/**
 * A pack is complete without a second network, but not with an unusable one. The file does not have a parameter count.
 * @returns none for a pack without one, or whose file is the one that conditions
 */
async function describeRecognition({ recognition, arcface }: Pack): Promise<Component[]> {
  if (recognition === null || (arcface !== null && (await sameContents(recognition, arcface)))) return [];
  const component = 'recognition';
  try {
    const outline = await readOnnxOutline(recognition);
    requireRecognitionModel(outline, recognition);
    const { initializers, sizeBytes } = outline;
    return [{ ...NOTHING, component, files: 1, tensors: initializers.length, bytes: sizeBytes }];
  } catch (error) {
    return [unusable(component, error)];
  }
}

/** @throws errors other than AppError */
function unusable(component: string, error: unknown): Component {
  if (!(error instanceof AppError)) throw error;
  return { ...NOTHING, component, missing: [error.message] };
}
