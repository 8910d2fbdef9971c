import { X } from 'lucide-react';
import { useEffect, useId, useRef, type ReactNode } from 'react';
import { useWords } from '@/i18n/words';
import { Button, IconButton } from './Button';
import { cx } from './classes';
import { words } from './words';

interface DialogProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly title: string;
  /** Buttons at the bottom, the main one last. */
  readonly actions?: ReactNode;
  readonly width?: 'small' | 'normal' | 'wide';
  /** The title is for screen readers only. */
  readonly isTitleHidden?: boolean;
  /** Only its own buttons close it. */
  readonly isCloseless?: boolean;
  readonly children: ReactNode;
}

const WIDTHS = { small: 'max-w-md', normal: 'max-w-xl', wide: 'max-w-3xl' } as const;

/** A modal dialog: the browser keeps the focus inside, Escape and a click beside it close it. */
export function Dialog({ isOpen, onClose, title, actions, width = 'normal', isTitleHidden = false, isCloseless = false, children }: DialogProps) {
  const say = useWords(words);
  const id = useId();
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    if (!dialog) return;
    if (isOpen && !dialog.open) {
      dialog.showModal();
      // A form begins at its first empty field, not at the button that closes it.
      const fields = [...dialog.querySelectorAll<HTMLInputElement>('form input:not([type=radio], [type=checkbox])')];
      (fields.find((field) => field.value === '') ?? fields[0])?.focus();
    } else if (!isOpen && dialog.open) dialog.close();
  }, [isOpen]);
  return (
    <dialog
      ref={element}
      aria-labelledby={id}
      onClose={onClose}
      onCancel={(event) => {
        event.preventDefault();
        if (!isCloseless) onClose();
      }}
      onPointerDown={(event) => {
        if (event.target === element.current && !isCloseless) onClose();
      }}
      className={cx(
        'm-auto mt-[12vh] w-[calc(100vw-24px)] rounded-card border border-line bg-surface p-0 shadow-float open:appear',
        WIDTHS[width],
      )}
    >
      {isOpen && (
        <div className="flex max-h-[76vh] flex-col">
          <header className={isTitleHidden ? 'sr-only' : 'flex items-center justify-between gap-3 py-2.5 pr-2.5 pl-5'}>
            <h2 id={id} className="text-lg font-semibold">
              {title}
            </h2>
            {!isTitleHidden && !isCloseless && <IconButton label={say('close')} icon={<X size={17} aria-hidden />} onClick={onClose} />}
          </header>
          <div className={cx('min-h-0 flex-1 overflow-auto', !isTitleHidden && 'px-5 pb-4')}>{children}</div>
          {actions !== undefined && <footer className="flex flex-wrap justify-end gap-2 border-t border-line px-5 py-3">{actions}</footer>}
        </div>
      )}
    </dialog>
  );
}

interface ConfirmProps {
  readonly isOpen: boolean;
  readonly title: string;
  readonly children: ReactNode;
  /** The verb on the button. */
  readonly verb: string;
  readonly isDanger?: boolean;
  readonly isBusy?: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before what cannot be undone. */
export function Confirm({ isOpen, title, children, verb, isDanger = false, isBusy = false, onConfirm, onClose }: ConfirmProps) {
  const say = useWords(words);
  return (
    <Dialog
      isOpen={isOpen}
      onClose={onClose}
      title={title}
      width="small"
      actions={
        <>
          <Button onClick={onClose}>{say('back')}</Button>
          <Button kind={isDanger ? 'danger' : 'primary'} isBusy={isBusy} onClick={onConfirm}>
            {verb}
          </Button>
        </>
      }
    >
      {children}
    </Dialog>
  );
}
