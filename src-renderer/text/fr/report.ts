/** The report screen, and the forms of a report, in French. */
import type { report as english } from '../en/report';
import type { Translation } from '../message';

export const report: Translation<typeof english> = {
  'report.about': 'Mémoire, temps, différence et identité d’une comparaison, prêts à coller dans un ticket.',
  'report.nothing': 'Rien à rapporter pour l’instant',
  'report.nothing.text': 'Un rapport s’écrit à partir d’une comparaison terminée.',
  'report.comparison': 'Comparaison',
  'report.open-before': 'La comparaison ouverte avant',
  'report.form': 'Type de fichier',
  'report.copy': 'Copier',
  'report.copied': 'Copié.',
  'report.save': 'Enregistrer',
  'report.pictures': 'Images de la comparaison',
  'report.verdicts': 'Résultats de la comparaison',
  'report.text': 'Le rapport',
  'report.measuring': 'Mesure des images…',
  'report.none-finished': 'Aucune image de cette comparaison n’est terminée.',
  'report.sheet-alt': 'Planche-contact : les images avec leurs légendes',
  'report.form.markdown': 'Markdown',
  'report.form.markdown.menu': 'Rapport en Markdown',
  'report.form.csv': 'CSV',
  'report.form.csv.menu': 'Images en CSV',
  'report.form.html': 'HTML',
  'report.form.html.menu': 'Rapport en HTML',
  'report.form.contact-sheet': 'Planche-contact',
  'report.form.contact-sheet.menu': 'Planche-contact en PNG',
  'report.html-about': 'Une page avec toutes les images, à envoyer ou à garder. {size}.',
};
