/** The guided comparison of the first start, and its hints on the compare screen, in German. */
import type { guide as english } from '../en/guide';
import type { Translation } from '../message';

export const guide: Translation<typeof english> = {
  'guide.name': 'Geführter Vergleich',
  'guide.title': 'Was Quantisierung bewirkt: ein Porträt, drei Formate',
  'guide.about':
    'Das Demo-Paket zeichnet {name} dreimal mit demselben Seed: mit Gewichten in 16 Bit, 8 Bit (INT8) und 4 Bit (NF4). Die Bilder öffnen sich nebeneinander. Auf den meisten Computern dauert das weniger als eine Minute.',
  'guide.about-own':
    'Das Paket {pack} zeichnet ein Porträt dreimal mit demselben Seed: im genauesten Format, das in den Speicher passt, in 8 Bit (INT8) und in 4 Bit (NF4). Mit einem Foto links ist es ein Porträt dieser Person. Zuerst werden die Gewichte umgewandelt; das dauert Minuten.',
  'guide.person': 'der Person auf dem Foto',
  'guide.start': 'Alle drei zeichnen',
  'guide.starting': 'Beginnt …',
  'guide.skip': 'Nicht jetzt',
  'guide.skipped': 'Der geführte Vergleich lässt sich jederzeit in den Einstellungen starten.',
  'guide.stop': 'Anhalten',
  'guide.stopped': 'Angehalten. Fertige Bilder stehen in der Galerie.',
  'guide.failed': 'Der geführte Vergleich wurde nicht fertig.',
  'guide.finished': 'Der geführte Vergleich ist fertig.',
  'guide.see': 'Nebeneinander ansehen',
  'guide.again': 'Geführten Vergleich starten',
  'guide.again.text': 'Zeichnet mit dem Demo-Paket ein Porträt in drei Formaten und zeigt sie nebeneinander.',
  'guide.no-pack': 'Er braucht das Demo-Paket und dessen Beispielfotos; hier fehlen Dateien.',
  'guide.wait': 'Wartet in der Warteschlange.',
  'guide.do.identify': 'Aus dem Gesicht von {name} werden Zahlen, die sagen, wer es ist.',
  'guide.do.encode-text': 'Aus dem Prompt werden Zahlen, die FLUX versteht.',
  'guide.do.control': 'Es gibt keine Pose, also bestimmt der Prompt, wie der Kopf steht.',
  'guide.do.convert': 'Die Gewichte werden einmal auf {format} gerundet; das nächste Bild liest sie vom Datenträger.',
  'guide.do.load': 'Die Gewichte werden geladen: Weniger Bits brauchen weniger Speicher.',
  'guide.do.denoise': 'Aus Rauschen, bei jedem Format dasselbe, wird Schritt für Schritt ein Porträt.',
  'guide.do.decode': 'Aus den fertigen Latents werden Pixel.',
  'hint.name': 'Hinweis',
  'hint.slider':
    'Die Linie ziehen: links davon {left}, rechts {right}. Mit der Tastatur: Tab bis zur Linie, dann die Pfeiltasten.',
  'hint.difference': 'Sehen sie gleich aus? Die Heatmap zeigt, was das Auge übersieht: je heller, desto größer.',
  'hint.difference.show': 'Unterschied zeigen',
  'hint.table':
    'Die Tabelle zeigt, was jedes Format kostet (geladen, Spitze, Zeit) und was es ändert (PSNR, SSIM, FLIP, Identität). Links und Rechts wählen die beiden Bilder darüber.',
  'hint.place': '{number} von {total}',
  'hint.next': 'Weiter',
  'hint.done': 'Verstanden',
  'hint.none': 'Keine Hinweise mehr',
};
