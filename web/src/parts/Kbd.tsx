import { cx } from './classes';

const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

interface KbdProps {
  readonly keys: string;
  /** Stands on the accent, as in a primary button. */
  readonly isOnAccent?: boolean;
}

/** Keys as they stand on the keyboard; `Mod` is ⌘ or Ctrl. */
export function Kbd({ keys, isOnAccent = false }: KbdProps) {
  const tone = isOnAccent ? 'border-current' : 'border-line bg-sunken text-muted';
  return (
    <span className="inline-flex items-center gap-0.5" aria-hidden="true">
      {keys.split('+').map((key) => (
        <kbd key={key} className={cx('min-w-5 rounded border px-1 text-center text-xs leading-[18px]', tone)}>
          {key === 'Mod' ? (isApple ? '⌘' : 'Ctrl') : key}
        </kbd>
      ))}
    </span>
  );
}
