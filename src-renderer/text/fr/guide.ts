/** The guided comparison of the first start, and its hints on the compare screen, in French. */
import type { guide as english } from '../en/guide';
import type { Translation } from '../message';

export const guide: Translation<typeof english> = {
  'guide.name': 'Comparaison guidée',
  'guide.title': 'Ce que fait la quantification : un portrait, trois formats',
  'guide.about':
    'Le pack de démonstration dessine {name} trois fois avec la même graine : avec des poids sur 16 bits, 8 bits (INT8) et 4 bits (NF4). Les images s’ouvrent côte à côte. Cela prend moins d’une minute sur la plupart des ordinateurs.',
  'guide.about-own':
    'Le pack {pack} dessine un portrait trois fois avec la même graine : dans le format le plus précis qui tient en mémoire, sur 8 bits (INT8) et sur 4 bits (NF4). Avec une photo à gauche, c’est le portrait de cette personne. Les poids sont d’abord convertis, ce qui prend des minutes.',
  'guide.person': 'la personne de la photo',
  'guide.start': 'Dessiner les trois',
  'guide.starting': 'Démarrage…',
  'guide.skip': 'Pas maintenant',
  'guide.skipped': 'La comparaison guidée peut être lancée à tout moment depuis les réglages.',
  'guide.stop': 'Arrêter',
  'guide.stopped': 'Arrêtée. Les images terminées sont dans la galerie.',
  'guide.failed': 'La comparaison guidée n’est pas allée jusqu’au bout.',
  'guide.finished': 'La comparaison guidée est terminée.',
  'guide.see': 'La voir côte à côte',
  'guide.again': 'Lancer la comparaison guidée',
  'guide.again.text': 'Dessine un portrait en trois formats avec le pack de démonstration et les montre côte à côte.',
  'guide.no-pack': 'Il lui faut le pack de démonstration et ses photos d’exemple ; des fichiers manquent ici.',
  'guide.wait': 'En attente dans la file.',
  'guide.do.identify': 'Le visage de {name} devient des nombres qui disent de qui il s’agit.',
  'guide.do.encode-text': 'Le prompt devient des nombres que FLUX comprend.',
  'guide.do.control': 'Aucune pose n’est donnée : c’est le prompt qui décide du port de tête.',
  'guide.do.convert': 'Les poids sont arrondis en {format}, une seule fois ; l’image suivante les lira sur le disque.',
  'guide.do.load': 'Les poids sont chargés : moins de bits prennent moins de mémoire.',
  'guide.do.denoise': 'Le bruit, le même pour chaque format, devient un portrait étape par étape.',
  'guide.do.decode': 'Les latents terminés deviennent des pixels.',
  'hint.name': 'Conseil',
  'hint.slider':
    'Faites glisser la ligne : {left} à gauche, {right} à droite. Au clavier : Tab jusqu’à elle, puis les flèches.',
  'hint.difference':
    'Elles semblent identiques ? La carte des différences montre ce que l’œil ne voit pas : plus c’est clair, plus l’écart est grand.',
  'hint.difference.show': 'Montrer la différence',
  'hint.table':
    'Le tableau montre ce que chaque format coûte (chargé, pic, temps) et ce qu’il change (PSNR, SSIM, FLIP, identité). Gauche et Droite choisissent les deux images au-dessus.',
  'hint.place': '{number} sur {total}',
  'hint.next': 'Suivant',
  'hint.done': 'Compris',
  'hint.none': 'Plus de conseils',
};
