/**
 * Single keys as shortcuts. The newest component that names a key has it; nothing happens while somebody types or a
 * dialog is open.
 */
import { useEffect, useRef } from 'react';

export type Keys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

const stack: { current: Keys }[] = [];

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function nameOf(event: KeyboardEvent): string {
  return (event.metaKey || event.ctrlKey ? 'Mod+' : '') + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const name = nameOf(event);
  const isCommand = name.startsWith('Mod+');
  if (!isCommand && (isTyping(event.target) || document.querySelector('dialog[open]') !== null)) return;
  const call = stack.findLast((keys) => name in keys.current)?.current[name];
  if (!call) return;
  event.preventDefault();
  call(event);
}

/** `useKeys({ j: next, k: previous, Enter: open, 'Mod+k': palette })` while the component stands. */
export function useKeys(keys: Keys): void {
  const held = useRef(keys);
  useEffect(() => {
    held.current = keys;
  });
  useEffect(() => {
    if (stack.length === 0) document.addEventListener('keydown', onKeyDown);
    stack.push(held);
    return () => {
      stack.splice(stack.indexOf(held), 1);
      if (stack.length === 0) document.removeEventListener('keydown', onKeyDown);
    };
  }, []);
}
