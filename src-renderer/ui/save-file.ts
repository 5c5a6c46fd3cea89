/** Hands text to the browser as a file to save. The host decides where it goes. */
export function saveText(file: { readonly fileName: string; readonly mimeType: string; readonly text: string }): void {
  const url = URL.createObjectURL(new Blob([file.text], { type: file.mimeType }));
  const link = document.createElement('a');
  link.href = url;
  link.download = file.fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
