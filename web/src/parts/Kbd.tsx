const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

/** Keys as they stand on the keyboard; `Mod` is ⌘ or Ctrl. */
export function Kbd({ keys }: { readonly keys: string }) {
  return (
    <span className="inline-flex items-center gap-0.5" aria-hidden="true">
      {keys.split('+').map((key) => (
        <kbd key={key} className="min-w-5 rounded border border-line bg-sunken px-1 text-center text-xs leading-[18px] text-muted">
          {key === 'Mod' ? (isApple ? '⌘' : 'Ctrl') : key}
        </kbd>
      ))}
    </span>
  );
}
