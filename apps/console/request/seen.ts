/** How much of something is on the screen: what an IntersectionObserver tells. */
export interface OnScreen {
  readonly isIntersecting: boolean;
  readonly intersectionRect: { readonly height: number };
  readonly boundingClientRect: { readonly height: number };
}

const ENOUGH_PX = 160;

/** True where half of it is on the screen, or so much that it can be read. */
export function hasBeenSeen({
  isIntersecting,
  intersectionRect: on,
  boundingClientRect: all,
}: OnScreen): boolean {
  return isIntersecting && on.height > 0 && on.height >= Math.min(all.height / 2, ENOUGH_PX);
}
