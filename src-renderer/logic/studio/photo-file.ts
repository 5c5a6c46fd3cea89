/** Checks of dropped or pasted files before they are sent. */
import { AppError } from '$contract/error';
import { MAX_UPLOAD_BYTES } from '$contract/limits';
import { SAID_BY_PAGE } from '../../text/error-text';
import { t } from '../../text/text.svelte';
import { formatBytes } from '../format-amount';

/** @throws AppError `image.unreadable` if the file is empty or larger than the host accepts */
export function checkFileSize(name: string, bytes: number): void {
  if (bytes === 0) {
    throw new AppError('image.unreadable', t('photo.empty-file', { name }), {
      remedy: t('photo.empty-file.remedy'),
      details: SAID_BY_PAGE,
    });
  }
  if (bytes > MAX_UPLOAD_BYTES) {
    throw new AppError(
      'image.unreadable',
      t('photo.large-file', { name, size: formatBytes(bytes), most: formatBytes(MAX_UPLOAD_BYTES) }),
      { remedy: t('photo.large-file.remedy'), details: SAID_BY_PAGE },
    );
  }
}

/** A photo's name: its file name without the extension, at most 120 characters. */
export function photoName(fileName: string): string {
  const name = fileName.replace(/\.[A-Za-z0-9]{1,5}$/, '').trim();
  return name === '' ? t('photo.unnamed') : name.slice(0, 120);
}

/** The base64 part of a data URL. */
export function base64OfDataUrl(dataUrl: string): string {
  return dataUrl.slice(dataUrl.indexOf(',') + 1);
}
