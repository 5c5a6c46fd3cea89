import type { Report } from '$contract/compare-data';

/** Saves a file through the browser; Electron or the browser decides where. */
function saveBlob(fileName: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Saves a report: text, or bytes in base64. */
export function saveFile(file: Report): void {
  const content = file.encoding === 'utf8' ? file.content : Uint8Array.from(atob(file.content), (c) => c.charCodeAt(0));
  saveBlob(file.fileName, new Blob([content], { type: file.mimeType }));
}
