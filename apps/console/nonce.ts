import { setNonce } from 'get-nonce';

/** The nonce of this page, with which style sheets may be added to it. Browsers hide the attribute, not the property. */
export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';
}

/** Tells it to the library that keeps the page from scrolling behind a dialog. */
export function announceNonce(): void {
  setNonce(styleNonce());
}
