/** LoRA files: taken over, listed, and found again from a picture, in German. */
import type { loras as english } from '../en/loras';
import type { Translation } from '../message';

export const loras: Translation<typeof english> = {
  'loras.title': 'LoRAs',
  'loras.about':
    'Dateien, die zu FLUX addiert werden, bevor dessen Gewichte umgewandelt werden. Hier oder im Studio ablegen; jede wird zuerst geprüft.',
  'loras.none': 'Noch keine.',
  'loras.choose': 'Datei wählen …',
  'loras.facts': { one: '{bytes}, {count} Schicht von FLUX', other: '{bytes}, {count} Schichten von FLUX' },
  'loras.forget': 'Vergessen',
  'loras.forget-one': '{name} vergessen',
  'loras.drop': 'LoRA zum Hinzufügen ablegen',
  'loras.taking': 'Import von {name}: {done} von {total}',
  'loras.checking': '{name} wird geprüft …',
  'loras.stop': 'Anhalten',
  'loras.added': '{name} hinzugefügt.',
  'loras.left-out': {
    one: '{name}: {count} Tensor eines Text-Encoders oder Embeddings bleibt weg; der Rest wird zu FLUX addiert.',
    other: '{name}: {count} Tensoren von Text-Encodern oder Embeddings bleiben weg; der Rest wird zu FLUX addiert.',
  },
  'loras.no-config':
    '{name}: Die adapter_config.json mit dem Alpha fehlt; Alpha gilt deshalb als so groß wie der Rang.',
  'loras.forgotten': '{name} vergessen.',
  'loras.no-hash':
    'Die Datei nennt das LoRA {name} (Gewicht {weight}) ohne Prüfsumme. Ist das richtige vorhanden, von Hand hinzufügen.',
  'loras.not-here':
    'Das LoRA {name} (Gewicht {weight}, sha256 {hash}…) fehlt hier. Seine Datei im Studio ablegen, dann das Bild noch einmal lesen.',
  'loras.too-much':
    'Das LoRA {name} (Gewicht {weight}) wurde weggelassen: Höchstens {count} LoRAs mit Gewichten bis {limit} sind möglich.',
};
