/** The report screen, and the forms of a report, in German. */
import type { report as english } from '../en/report';
import type { Translation } from '../message';

export const report: Translation<typeof english> = {
  'report.about': 'Speicher, Zeit, Unterschied und Identität eines Vergleichs, fertig zum Einfügen in ein Issue.',
  'report.nothing': 'Noch nichts zu berichten',
  'report.nothing.text': 'Ein Bericht entsteht aus einem fertigen Vergleich.',
  'report.comparison': 'Vergleich',
  'report.open-before': 'Der zuvor geöffnete Vergleich',
  'report.form': 'Dateityp',
  'report.copy': 'Kopieren',
  'report.copied': 'Kopiert.',
  'report.save': 'Speichern',
  'report.pictures': 'Bilder des Vergleichs',
  'report.verdicts': 'Ergebnisse des Vergleichs',
  'report.text': 'Der Bericht',
  'report.measuring': 'Bilder werden vermessen …',
  'report.none-finished': 'Kein Bild dieses Vergleichs ist fertig.',
  'report.sheet-alt': 'Kontaktbogen: die Bilder mit Beschriftung',
  'report.form.markdown': 'Markdown',
  'report.form.markdown.menu': 'Bericht als Markdown',
  'report.form.csv': 'CSV',
  'report.form.csv.menu': 'Bilder als CSV',
  'report.form.html': 'HTML',
  'report.form.html.menu': 'Bericht als HTML',
  'report.form.contact-sheet': 'Kontaktbogen',
  'report.form.contact-sheet.menu': 'Kontaktbogen als PNG',
  'report.html-about': 'Eine Seite mit allen Bildern darin, zum Verschicken oder Aufheben. {size}.',
};
