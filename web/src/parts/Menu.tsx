import { Check } from 'lucide-react';
import { useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { createPortal } from 'react-dom';
import { cx } from './classes';

export interface MenuItem {
  readonly key: string;
  readonly label: string;
  readonly icon?: ReactNode;
  readonly isDanger?: boolean;
  readonly isDisabled?: boolean;
  /** Given: the item is a choice that is made or not. */
  readonly isChecked?: boolean;
  /** One of several that may be chosen together: the menu stays open. */
  readonly isOneOfMany?: boolean;
  readonly onSelect: () => void;
}

interface MenuProps {
  /** Names the menu, and its trigger where that shows an icon only. */
  readonly label: string;
  readonly items: readonly MenuItem[];
  /** Stands above the items, to be read. */
  readonly head?: ReactNode;
  readonly trigger: ReactNode;
  readonly triggerClass?: string;
  readonly align?: 'start' | 'end';
}

const GAP = 4;

/** A button that opens a list of actions: arrows move, Home and End jump, letters find, Escape closes. */
export function Menu({ label, items, head, trigger, triggerClass, align = 'start' }: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    if (!isOpen || !button.current || !list.current) return;
    const from = button.current.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = list.current;
    const left = align === 'end' ? from.right - width : from.left;
    const isBelow = from.bottom + GAP + height <= innerHeight || from.top < height;
    list.current.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    list.current.style.top = `${isBelow ? from.bottom + GAP : from.top - GAP - height}px`;
    (list.current.querySelector<HTMLElement>('[aria-checked="true"]') ?? list.current.querySelector<HTMLElement>('[role^="menuitem"]:not([disabled])'))?.focus();
  }, [isOpen, align]);

  useEffect(() => {
    if (!isOpen) return;
    const onDown = (event: PointerEvent) => {
      const { target } = event;
      if (target instanceof Node && !list.current?.contains(target) && !button.current?.contains(target)) setOpen(false);
    };
    const onAway = () => setOpen(false);
    document.addEventListener('pointerdown', onDown);
    addEventListener('resize', onAway);
    return () => {
      document.removeEventListener('pointerdown', onDown);
      removeEventListener('resize', onAway);
    };
  }, [isOpen]);

  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const found = [...(list.current?.querySelectorAll<HTMLElement>('[role^="menuitem"]:not([disabled])') ?? [])];
    const at = found.findIndex((one) => one === document.activeElement);
    const go = (index: number) => {
      event.preventDefault();
      found.at(index % found.length)?.focus();
    };
    event.stopPropagation();
    if (event.key === 'Escape') close();
    else if (event.key === 'Tab') setOpen(false);
    else if (event.key === 'ArrowDown') go(at + 1);
    else if (event.key === 'ArrowUp') go(at - 1);
    else if (event.key === 'Home') go(0);
    else if (event.key === 'End') go(-1);
    else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) {
      const next = [...found.slice(at + 1), ...found].find((one) => one.textContent?.trim().toLowerCase().startsWith(event.key.toLowerCase()));
      next?.focus();
    }
  };

  return (
    <>
      <button
        ref={button}
        type="button"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        aria-label={typeof trigger === 'string' ? undefined : label}
        title={typeof trigger === 'string' ? undefined : label}
        className={triggerClass}
        onClick={() => setOpen(!isOpen)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown' && !isOpen) {
            event.preventDefault();
            setOpen(true);
          }
        }}
      >
        {trigger}
      </button>
      {isOpen &&
        createPortal(
          <div
            ref={list}
            onKeyDown={onKeyDown}
            className="appear fixed z-50 max-h-[60vh] min-w-44 overflow-auto rounded-card border border-line bg-surface p-1 shadow-float"
          >
            {head !== undefined && <div className="mb-1 border-b border-line">{head}</div>}
            <div id={id} role="menu" aria-label={label}>
              {items.map((item) => (
                <button
                  key={item.key}
                  type="button"
                  role={item.isChecked === undefined ? 'menuitem' : item.isOneOfMany === true ? 'menuitemcheckbox' : 'menuitemradio'}
                  aria-checked={item.isChecked}
                  disabled={item.isDisabled}
                  tabIndex={-1}
                  className={cx(
                    'flex w-full items-center gap-2 rounded-control px-2.5 py-1.5 text-left hover:bg-hover focus:bg-hover disabled:opacity-55',
                    item.isDanger === true && 'text-red',
                  )}
                  onClick={() => {
                    if (item.isOneOfMany !== true) close();
                    item.onSelect();
                  }}
                >
                  {item.icon !== undefined && <span className="grid w-5 place-items-center">{item.icon}</span>}
                  <span className="min-w-0 flex-1">{item.label}</span>
                  {item.isChecked === true && <Check size={15} aria-hidden />}
                </button>
              ))}
            </div>
          </div>,
          document.body,
        )}
    </>
  );
}
