/** LoRA files: taken over, listed, and found again from a picture, in French. */
import type { loras as english } from '../en/loras';
import type { Translation } from '../message';

export const loras: Translation<typeof english> = {
  'loras.title': 'LoRA',
  'loras.about':
    'Des fichiers ajoutés à FLUX avant la conversion de ses poids. Déposez-en un ici ou sur le studio ; chacun est d’abord vérifié.',
  'loras.none': 'Aucun pour l’instant.',
  'loras.choose': 'Choisir un fichier…',
  'loras.facts': { one: '{bytes}, {count} couche de FLUX', other: '{bytes}, {count} couches de FLUX' },
  'loras.forget': 'Oublier',
  'loras.forget-one': 'Oublier {name}',
  'loras.drop': 'Déposez le LoRA pour l’ajouter',
  'loras.taking': 'Import de {name} : {done} sur {total}',
  'loras.checking': 'Vérification de {name}…',
  'loras.stop': 'Arrêter',
  'loras.added': '{name} ajouté.',
  'loras.left-out': {
    one: '{name} : {count} tenseur d’un encodeur de texte ou d’un embedding est omis ; le reste est ajouté à FLUX.',
    other: '{name} : {count} tenseurs d’encodeurs de texte ou d’embeddings sont omis ; le reste est ajouté à FLUX.',
  },
  'loras.no-config': '{name} : l’adapter_config.json avec son alpha manque ; alpha est donc pris égal au rang.',
  'loras.forgotten': '{name} oublié.',
  'loras.no-hash':
    'Le fichier nomme le LoRA {name} (poids {weight}) sans son empreinte. Ajoutez-le à la main si vous avez le bon.',
  'loras.not-here':
    'Le LoRA {name} (poids {weight}, sha256 {hash}…) manque ici. Déposez son fichier sur le studio, puis relisez l’image.',
  'loras.too-much': 'Le LoRA {name} (poids {weight}) a été omis : au plus {count} LoRA avec des poids jusqu’à {limit}.',
};
