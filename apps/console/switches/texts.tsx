import { Foreign } from '../shown/foreign.tsx';
import classes from './switches.module.css';

/** What will happen, in sentences. */
export function Texts({ texts }: { readonly texts: readonly string[] }) {
  return (
    <ul className={classes.texts} aria-label="What will happen">
      {texts.map((text) => (
        <li key={text}>
          <Foreign text={text} />
        </li>
      ))}
    </ul>
  );
}
