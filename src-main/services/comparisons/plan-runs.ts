/** The cells of a form, and an order in which weights are seldom loaded. */
import { variantKey, type FormatChoice } from '../../contract/formats.js';
import type { ComparisonDraft, RunSettings } from '../../contract/generation-settings.js';
import type { NewRun } from '../../store/runs-repo.js';

function distinct(variants: readonly FormatChoice[]): FormatChoice[] {
  return [...new Map(variants.map((variant) => [variantKey(variant), variant])).values()];
}

/** The cells of a draft in the studio's order: variants, then prompts, seeds, repeats. */
export function cellsOf(draft: ComparisonDraft): { readonly settings: RunSettings; readonly repeat: number }[] {
  const { prompts, seeds, variants, repeats, ...shared } = draft;
  return distinct(variants).flatMap((formats) =>
    prompts.flatMap((prompt) =>
      seeds.flatMap((seed) =>
        Array.from({ length: repeats }, (_, i) => ({
          settings: { ...shared, prompt, seed, formats },
          repeat: i + 1,
        })),
      ),
    ),
  );
}

/**
 * Numbers the cells in the order they are made: the first cell's formats first, then those that share FLUX (the largest),
 * T5 and InfuseNet with the loaded ones; within a variant prompt by prompt, so that each text is encoded once.
 */
export function planRuns(
  cells: readonly { readonly settings: RunSettings; readonly repeat: number }[],
  newId: () => string,
): NewRun[] {
  const ranks = {
    flux: new Map<string, number>(),
    t5: new Map<string, number>(),
    infusenet: new Map<string, number>(),
  };
  const prompts = new Map<string, number>();
  const rank = (seen: Map<string, number>, value: string): number => {
    const known = seen.get(value) ?? seen.size;
    seen.set(value, known);
    return known;
  };
  const keyed = cells.map((cell, cellIndex) => {
    const { formats, prompt } = cell.settings;
    return {
      cell,
      cellIndex,
      key: [
        rank(ranks.flux, formats.flux),
        rank(ranks.t5, formats.t5),
        rank(ranks.infusenet, formats.infusenet),
        rank(prompts, prompt),
        cellIndex,
      ],
    };
  });
  const order = [...keyed].sort((a, b) => {
    const at = a.key.findIndex((part, i) => part !== b.key[i]);
    return at < 0 ? 0 : (a.key[at] ?? 0) - (b.key[at] ?? 0);
  });
  const runOrder = new Map(order.map(({ cellIndex }, i) => [cellIndex, i]));
  return keyed.map(({ cell, cellIndex }) => ({
    id: newId(),
    cellIndex,
    runOrder: runOrder.get(cellIndex) ?? cellIndex,
    repeat: cell.repeat,
    settings: cell.settings,
  }));
}
