/** The guided comparison of the first start, and its hints on the compare screen, in French. */
import type { guide as english } from '../en/guide';
import type { Translation } from '../message';

export const guide: Translation<typeof english> = {
  'guide.name': 'Comparaison guidée',
  'guide.title': 'Ce que fait la quantification : un portrait, trois formats',
  'guide.about':
    'Le pack de démonstration dessine {name} trois fois à partir de la même graine, avec des poids sur 16 bits, sur 8 (INT8) et sur 4 (NF4), puis ouvre les images côte à côte. Cela prend moins d’une minute sur la plupart des ordinateurs.',
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
  'guide.no-pack': 'Il lui faut le pack de démonstration et ses photos d’exemple, qui ne sont pas complets ici.',
  'guide.wait': 'En attente de son tour dans la file.',
  'guide.do.identify': 'Le visage de {name} devient des nombres qui disent de qui il s’agit.',
  'guide.do.encode-text': 'Le prompt devient des nombres que FLUX a appris à suivre.',
  'guide.do.control': 'Aucune pose n’est donnée : c’est le prompt qui décide du port de tête.',
  'guide.do.convert':
    'Les poids sont arrondis en {format}, une seule fois ; l’image suivante les trouvera sur le disque.',
  'guide.do.load': 'Les poids vont en mémoire : moins il y a de bits, moins ils en prennent.',
  'guide.do.denoise': 'Le même bruit que pour chaque format devient un portrait, étape par étape.',
  'guide.do.decode': 'Les latents terminés deviennent des pixels.',
  'hint.name': 'Conseil',
  'hint.slider':
    'Faites glisser la ligne : {left} à gauche, {right} à droite. Au clavier : Tab jusqu’à elle, puis les flèches.',
  'hint.difference':
    'Des images égales ? La carte des différences peint ce que l’œil ne voit pas : plus c’est clair, plus l’écart est grand.',
  'hint.difference.show': 'Montrer la différence',
  'hint.table':
    'Le tableau dit ce que chaque format coûte (chargé, pic, temps) et ce qu’il change (PSNR, SSIM, FLIP, identité). Gauche et Droite choisissent les deux images au-dessus.',
  'hint.place': '{number} sur {total}',
  'hint.next': 'Suivant',
  'hint.done': 'Compris',
  'hint.none': 'Plus de conseils',
};
