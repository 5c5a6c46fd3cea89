/** Hands a file to the browser to save. The host decides where it goes. */
export function saveBlob(fileName: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function saveText(file: { readonly fileName: string; readonly mimeType: string; readonly text: string }): void {
  saveBlob(file.fileName, new Blob([file.text], { type: file.mimeType }));
}
