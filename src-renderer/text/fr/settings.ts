/** The settings screen, in French. */
import type { settings as english } from '../en/settings';
import type { Translation } from '../message';

export const settings: Translation<typeof english> = {
  'settings.title': 'Réglages',
  'settings.look': 'Apparence',
  'settings.theme': 'Thème',
  'settings.theme.dark': 'Sombre',
  'settings.theme.light': 'Clair',
  'settings.theme.system': 'Comme le système',
  'settings.language': 'Langue',
  'settings.language.system': 'Comme le système ({name})',
  'settings.making': 'Création des images',
  'settings.provider': 'S’exécute par défaut sur',
  'settings.provider.best': 'Le meilleur disponible ({name})',
  'settings.provider.not-here': '{name} (indisponible)',
  'settings.device': 'Carte graphique',
  'settings.device.hint':
    'Pour cuda et dml, comptée à partir de 0 dans l’ordre du pilote. webgpu et cpu choisissent eux-mêmes.',
  'settings.pack': 'Pack de modèles par défaut',
  'settings.pack.bundled': 'Le pack fourni',
  'settings.cache': 'Dossier des poids convertis',
  'settings.cache.hint':
    'Des dizaines de gigaoctets pour FLUX en plusieurs formats. Après un changement, les fichiers existants restent dans l’ancien dossier jusqu’à leur déplacement.',
  'settings.cache.size': 'Il contient {size}.',
  'settings.cache.left': '{size} se trouvent encore dans {folder}.',
  'settings.cache.move': 'Les déplacer ici',
  'settings.cache.moving': 'Déplacement : {moved} sur {total}',
  'settings.cache.pause-move': 'Mettre en pause',
  'settings.cache.leave': 'Les laisser là',
  'settings.cache.named': 'Fixé par --cache au démarrage.',
  'settings.cache.path': 'Chemin d’un autre dossier',
  'settings.cache.use': 'Utiliser ce dossier',
  'settings.cache.choose': 'Choisir un autre dossier…',
  'settings.cache.default': 'Utiliser le dossier par défaut',
  'settings.previews': 'Garder un aperçu de chaque étape',
  'settings.previews.hint': 'Pour le curseur d’étapes sous la comparaison. Quelques centaines de kilooctets par image.',
  'settings.metadata': 'Écrire les réglages dans les images',
  'settings.metadata.hint':
    'Prompt, graine, formats, mémoire et temps, lisibles par d’autres outils. Jamais un dossier, jamais la photo d’identité.',
  'settings.photos': 'Vos photos',
  'settings.photos.text':
    'Les photos d’identité et de pose restent sur cet ordinateur. Rien n’est envoyé nulle part. Supprimer une photo dans le studio supprime aussi sa vignette, la position des visages et les données de visage qui en sont tirées.',
  'settings.machine': 'Cet ordinateur',
  'settings.cpu': 'Processeur',
  'settings.memory': 'Mémoire',
  'settings.memory.amount': '{total}, dont {free} libres au démarrage',
  'settings.gallery': 'Galerie',
  'settings.gallery.roams':
    'La galerie se trouve dans la partie de votre profil que Windows copie sur les autres ordinateurs d’un domaine. Pour ne pas y laisser des gigaoctets d’images, fermez l’application et déplacez le dossier vers {folder} ; il y sera ouvert.',
  'settings.engine': 'Moteur',
  'settings.engine.stopped': 'arrêté',
  'settings.engine.starting': 'démarrage',
  'settings.engine.ready': 'prêt',
  'settings.engine.crashed': 'planté',
  'settings.open-pictures': 'Ouvrir les images',
  'settings.open-logs': 'Ouvrir les journaux',
  'settings.about': 'À propos',
  'settings.about.text':
    'Likeness Lab {version} montre ce que la quantification fait aux portraits fidèles à l’identité : à l’image, à la ressemblance, à la mémoire et au temps. Ne faites le portrait que de personnes qui y ont consenti.',
  'settings.notices': 'Mentions et licences',
};
