import { describe, expect, it } from 'vitest';
import { missingRoom } from '../../../../src-main/contract/preparation.js';
import { PreparationPace } from '../../../../src-main/services/packs/preparation-pace.js';
import { noRoom } from '../../../../src-main/services/packs/preparation-room.js';

const GIB = 2 ** 30;

describe('the room for converted weights', () => {
  it('leaves half a gibibyte free, and nothing needs none', () => {
    expect(missingRoom(0, 0)).toBe(0);
    expect(missingRoom(4 * GIB, 4.5 * GIB)).toBe(0);
    expect(missingRoom(4 * GIB, 4.5 * GIB - 1)).toBe(1);
  });

  it('is refused with what is needed, what is there and what to free', () => {
    const { code, message, remedy, details } = noRoom(7 * GIB, 3 * GIB);
    expect({ code, message, remedy, details }).toEqual({
      code: 'disk.full',
      message: 'The converted weights need 7.00 GiB and 512.0 MiB must stay free, but the disk has 3.00 GiB free.',
      remedy: 'Free 4.50 GiB, or choose fewer formats.',
      details: { neededBytes: 7 * GIB, freeBytes: 3 * GIB },
    });
  });
});

describe('the pace of a conversion', () => {
  const item = (secondsLeft: number) =>
    ({ component: 'flux', format: 'nf4', state: 'missing', bytes: 1, bytesLeft: 1, secondsLeft }) as const;

  it('is the estimate at first, then what was seen', () => {
    let ms = 0;
    const pace = new PreparationPace([item(30), item(10)], () => ms);
    expect(pace.at(0, 0)).toEqual({ fraction: 0, secondsLeft: 40 });
    ms = 1000;
    expect(pace.at(0, 0.1)).toEqual({ fraction: 0.075, secondsLeft: 37 });
    // Twice as slow as expected.
    ms = 30_000;
    expect(pace.at(0, 0.5)).toEqual({ fraction: 0.375, secondsLeft: 50 });
    ms = 70_000;
    expect(pace.at(1, 0.5)).toEqual({ fraction: 0.875, secondsLeft: 10 });
  });

  it('counts what is there already as nothing', () => {
    const pace = new PreparationPace([item(0), item(10)], () => 0);
    expect(pace.at(0, 1)).toEqual({ fraction: 0, secondsLeft: 10 });
    expect(new PreparationPace([item(0)], () => 0).at(0, 0)).toEqual({ fraction: 1, secondsLeft: 0 });
  });
});
