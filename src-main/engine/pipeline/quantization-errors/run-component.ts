/** A component's network in a run: with the run's InfuseNet variant and LoRAs. */
import { openPack, type Pack } from '../../pack/open-pack.js';
import type { GenerateRequest, QuantizedComponent } from '../../protocol.js';
import type { PackNetwork } from '../../pack/pack-networks.js';
import { openComponent } from '../packs/convert-pack.js';

/**
 * Opens the network, passes it to `use`, and closes it.
 * @throws AppError of opening the pack and the LoRAs; the errors of `use`; AbortError
 */
export async function withRunComponent<T>(
  { packPath, modelVariant, loras }: Pick<GenerateRequest, 'packPath' | 'modelVariant' | 'loras'>,
  component: QuantizedComponent,
  signal: AbortSignal | undefined,
  use: (network: PackNetwork<unknown>, pack: Pack) => Promise<T>,
): Promise<T> {
  const pack = await openPack(packPath);
  const source = { pack, variant: modelVariant, loras: loras ?? [], ...(signal === undefined ? {} : { signal }) };
  const network = await openComponent(source, component);
  try {
    return await use(network, pack);
  } finally {
    await network.source.close();
  }
}
