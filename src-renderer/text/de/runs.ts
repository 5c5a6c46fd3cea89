/** What a run went through, in German. */
import type { runs as english } from '../en/runs';
import type { Translation } from '../message';

export const runs: Translation<typeof english> = {
  'smaller.show': 'Kleinere Möglichkeiten',
  'smaller.title': 'Kleinere Möglichkeiten für {name}',
  'smaller.looking': 'Was weniger braucht, wird gesucht …',
  'smaller.needs': 'Braucht in der Spitze etwa {needs}; {free} sind jetzt frei.',
  'smaller.needs-unknown': 'Braucht in der Spitze etwa {needs}; wie viel frei ist, lässt sich hier nicht lesen.',
  'smaller.none': 'Mehr lässt sich hier nicht anbieten. Andere Programme schließen, dann das Fehlende machen.',
  'smaller.format': '{component} in {format}',
  'smaller.size': '{width} × {height} Pixel',
  'smaller.tiles': 'In Kacheln dekodieren',
  'smaller.saves': 'spart {bytes}',
  'smaller.error': 'Gewichte von {component} um {after} daneben statt um {before}',
  'smaller.error-about': 'Gewichte von {component} um etwa {after} daneben statt um {before}',
  'smaller.same-picture': 'das Bild bleibt gleich',
  'smaller.other-picture': 'ein anderes Bild: sein Rauschen hat eine andere Größe',
  'smaller.takes': 'dauert {time}',
  'smaller.takes-longer': 'dauert {time} länger',
  'smaller.tiles-time': 'das Dekodieren dauert etwas länger',
  'smaller.time-unknown': 'Dauer noch nicht bekannt',
  'smaller.too-big': 'wohl noch zu groß',
  'smaller.queued': {
    one: '{count} kleineres Bild in die Warteschlange gestellt.',
    other: '{count} kleinere Bilder in die Warteschlange gestellt.',
  },
  'retry.mark': 'zweiter Versuch',
  'retry.title':
    'Beim ersten Versuch reichte der Speicher nicht; die Engine wurde neu gestartet und das Bild noch einmal gemacht.',
  'retry.fact': 'Zweiter Versuch',
  'retry.ran-out': 'der Speicher hatte nicht gereicht',
  'retry.ran-out-at': 'der Speicher hatte nicht gereicht ({stage})',
  'decode.fact': 'Dekodiert',
  'decode.whole': 'im Ganzen',
  'decode.whole-asked': 'im Ganzen, wie gewählt',
  'decode.tiles-asked': { one: 'in {count} Kachel, wie gewählt', other: 'in {count} Kacheln, wie gewählt' },
  'decode.tiles-estimate': {
    one: 'in {count} Kachel: im Ganzen braucht es {whole}, {free} waren frei',
    other: 'in {count} Kacheln: im Ganzen braucht es {whole}, {free} waren frei',
  },
  'decode.tiles-ran-out': {
    one: 'in {count} Kachel, weil der Speicher für das Ganze nicht reichte',
    other: 'in {count} Kacheln, weil der Speicher für das Ganze nicht reichte',
  },
  'decode.mark': 'in Kacheln dekodiert',
  'decode.mark.title': 'Bis auf Rundung dasselbe Bild; es braucht weniger Speicher und etwas länger.',
  'decode.choice': 'Dekodieren',
  'decode.auto': 'Nach Speicher',
  'decode.choice.whole': 'Im Ganzen',
  'decode.choice.tiles': 'In Kacheln',
  'decode.hint': 'In Kacheln braucht es weniger Speicher und etwas länger; das Bild ist dasselbe.',
  'spill.fact': 'Karte voll',
  'spill.mark': 'Karte voll ab Schritt {step}',
  'spill.sentence':
    'Der Speicher der Karte war voll ({used} von {total}), und ab Schritt {step} wich sie auf den des Rechners aus: {seconds} je Schritt statt {usual}.',
  'spill.remedy':
    'Das Bild stimmt, es kam nur spät. Kleinere Formate, ein kleineres Bild oder das Schließen anderer Programme, die die Karte nutzen, machen es wieder schnell.',
  'spill.now':
    'Der Speicher der Karte ist voll, und die Schritte sind viel langsamer als zuvor. Kleinere Formate, ein kleineres Bild oder das Schließen anderer Programme würden helfen.',
  'identity.no-face': 'kein Gesicht',
  'identity.no-face-network': 'kein Gesichtsnetz',
  'identity.no-identity': 'keine Identität',
  'identity.no-face.title': 'Im Bild wurde kein Gesicht gefunden; es gibt nichts mit dem Foto zu vergleichen.',
  'identity.no-face-network.title': 'Das Modellpaket hat kein Netz, das Gesichter misst.',
  'identity.no-identity.title': 'Ohne Identitätsfoto gemacht.',
};
