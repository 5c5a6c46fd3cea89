/** The settings screen, in German. */
import type { settings as english } from '../en/settings';
import type { Translation } from '../message';

export const settings: Translation<typeof english> = {
  'settings.title': 'Einstellungen',
  'settings.look': 'Aussehen',
  'settings.theme': 'Farbschema',
  'settings.theme.dark': 'Dunkel',
  'settings.theme.light': 'Hell',
  'settings.theme.system': 'Wie das System',
  'settings.language': 'Sprache',
  'settings.language.system': 'Wie das System ({name})',
  'settings.making': 'Bilder machen',
  'settings.provider': 'Läuft standardmäßig auf',
  'settings.provider.best': 'Bester verfügbarer ({name})',
  'settings.provider.not-here': '{name} (nicht verfügbar)',
  'settings.device': 'Grafikkarte',
  'settings.device.hint':
    'Für cuda und dml, ab 0 gezählt in der Reihenfolge des Treibers. webgpu und cpu wählen selbst.',
  'settings.pack': 'Standard-Modellpaket',
  'settings.pack.bundled': 'Das mitgelieferte Paket',
  'settings.cache': 'Ordner der umgewandelten Gewichte',
  'settings.cache.hint':
    'Dutzende Gigabyte für FLUX in mehreren Formaten. Nach einem Wechsel bleiben vorhandene Dateien im alten Ordner, bis sie verschoben werden.',
  'settings.cache.size': '{size} liegen darin.',
  'settings.cache.left': '{size} liegen noch in {folder}.',
  'settings.cache.move': 'Hierher verschieben',
  'settings.cache.moving': 'Wird verschoben: {moved} von {total}',
  'settings.cache.pause-move': 'Anhalten',
  'settings.cache.leave': 'Dort lassen',
  'settings.cache.named': 'Beim Start mit --cache festgelegt.',
  'settings.cache.path': 'Pfad eines anderen Ordners',
  'settings.cache.use': 'Diesen Ordner verwenden',
  'settings.cache.choose': 'Anderen Ordner wählen …',
  'settings.cache.default': 'Standardordner verwenden',
  'settings.previews': 'Vorschau jedes Schritts behalten',
  'settings.previews.hint': 'Für den Schrittregler unter dem Vergleich. Einige hundert Kilobyte je Bild.',
  'settings.metadata': 'Einstellungen in die Bilder schreiben',
  'settings.metadata.hint':
    'Prompt, Seed, Formate, Speicher und Zeiten, lesbar für andere Werkzeuge. Nie ein Ordner, nie das Identitätsfoto.',
  'settings.photos': 'Fotos',
  'settings.photos.text':
    'Identitäts- und Posenfotos bleiben auf diesem Computer. Nichts wird irgendwohin gesendet. Wird ein Foto im Studio gelöscht, werden auch seine Miniatur, die Gesichtspositionen und die daraus gewonnenen Gesichtsdaten gelöscht.',
  'settings.machine': 'Dieser Computer',
  'settings.cpu': 'Prozessor',
  'settings.memory': 'Arbeitsspeicher',
  'settings.memory.amount': '{total}, {free} frei beim Start',
  'settings.gallery': 'Galerie',
  'settings.gallery.roams':
    'Die Galerie liegt in dem Teil des Benutzerprofils, den Windows auf andere Computer einer Domäne kopiert. Damit Gigabytes von Bildern nicht dazugehören: die App schließen und den Ordner nach {folder} verschieben; dort wird er geöffnet.',
  'settings.engine': 'Engine',
  'settings.engine.stopped': 'angehalten',
  'settings.engine.starting': 'startet',
  'settings.engine.ready': 'bereit',
  'settings.engine.crashed': 'abgestürzt',
  'settings.open-pictures': 'Bilder öffnen',
  'settings.open-logs': 'Protokolle öffnen',
  'settings.about': 'Über',
  'settings.about.text':
    'Likeness Lab {version} zeigt, was Quantisierung mit identitätstreuen Porträts macht: mit Bild, Ähnlichkeit, Speicher und Zeit. Nur Porträts von Menschen machen, die zugestimmt haben.',
  'settings.notices': 'Hinweise und Lizenzen',
};
