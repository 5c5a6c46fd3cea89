/** Budgets for mixes of formats. Pure. */
import { autoFormat, parseAutoFormat, type ComponentFormat } from '$contract/formats';

const MIB = 2 ** 20;
/** A mix at the size of a 4-bit format would be that format; at that of 16-bit nothing would be saved. */
const FACTORS: Readonly<Record<string, number>> = { '16-bit': 0.5, fp8: 1, int8: 1, int4: 1.25, nf4: 1.25 };
/** Until the host has said how large a component is. */
const UNKNOWN_BYTES = 1024 * MIB;

/** A budget in whole MiB, or in tenths or thousandths where that is coarse. */
function roundBudget(mib: number): number {
  const step = mib >= 100 ? 1 : mib >= 1 ? 0.1 : 0.001;
  return Number((Math.ceil(mib / step - 1e-9) * step).toFixed(3));
}

/** The mix that a component begins with: as large as the format that it had. @param bytes of the component in it */
export function startingMix(format: ComponentFormat, bytes: number = UNKNOWN_BYTES): ComponentFormat {
  if (parseAutoFormat(format) !== null) return format;
  return autoFormat({ budgetMiB: roundBudget((bytes * (FACTORS[format] ?? 1)) / MIB), measurement: null });
}
