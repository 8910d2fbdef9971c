/** Where a message is written. It grows with its text; Enter sends, Shift+Enter begins a new line. */
import { ArrowUp } from 'lucide-react';
import { useEffect, useId, useLayoutEffect, useRef, type KeyboardEvent } from 'react';
import { formatNumber } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { IconButton } from '@/parts';
import { words } from './words';

/** The server's own limit, said before it has to refuse. */
export const MAX_CHARS = 8000;
const MAX_HEIGHT_PX = 200;

interface ComposerProps {
  readonly draft: string;
  readonly onDraft: (draft: string) => void;
  readonly onSend: (content: string) => void;
}

export function Composer({ draft, onDraft, onSend }: ComposerProps) {
  const say = useWords(words);
  const field = useRef<HTMLTextAreaElement>(null);
  const note = useId();
  const count = [...draft].length;
  const isTooLong = count > MAX_CHARS;
  const canSend = draft.trim() !== '' && !isTooLong;

  useEffect(() => {
    // A keyboard that covers half a phone is opened by the person.
    if (matchMedia('(pointer: fine)').matches) field.current?.focus({ preventScroll: true });
  }, []);
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = 'auto';
    element.style.height = `${Math.min(MAX_HEIGHT_PX, element.scrollHeight + 2)}px`;
  }, [draft]);

  const send = () => {
    if (!canSend) return;
    onSend(draft.trim());
    onDraft('');
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // Enter also ends the choice of an input method: that is not a message yet.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="relative">
        <textarea
          ref={field}
          rows={1}
          value={draft}
          aria-label={say('label')}
          aria-describedby={note}
          aria-invalid={isTooLong}
          placeholder={say('placeholder')}
          onChange={(event) => onDraft(event.target.value)}
          onKeyDown={onKeyDown}
          className="field block resize-none rounded-card py-2.5 pr-12 leading-normal"
        />
        <IconButton
          type="submit"
          kind="primary"
          size="small"
          label={say('send')}
          disabled={!canSend}
          icon={<ArrowUp size={16} aria-hidden />}
          className="absolute right-2 bottom-2"
        />
      </div>
      <p id={note} className="mt-1 px-1 text-xs text-muted">
        {isTooLong ? (
          <span role="alert" className="text-red">
            {say('tooLong', { max: formatNumber(MAX_CHARS), count: formatNumber(count) })}
          </span>
        ) : (
          say('keys')
        )}
      </p>
    </form>
  );
}
