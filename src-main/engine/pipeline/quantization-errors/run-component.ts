/** A component's network as a run has it: of the run's InfuseNet variant, with its LoRAs. */
import { openPack, type Pack } from '../../pack/open-pack.js';
import type { GenerateRequest, QuantizedComponent } from '../../protocol.js';
import type { PackNetwork } from '../../pack/pack-networks.js';
import { openComponent } from '../packs/convert-pack.js';

/**
 * Opens it, hands it to `use`, and closes it however that ends.
 * @throws AppError of opening the pack and the LoRAs, and what `use` throws; AbortError
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
