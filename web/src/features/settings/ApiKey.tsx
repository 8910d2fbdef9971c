/** A key for this tab. */
import { Eye, EyeOff } from 'lucide-react';
import { useId, useState, type FormEvent } from 'react';
import { isKey, setApiKey, useApiKey } from '@/api/key';
import { useWords } from '@/i18n/words';
import { Button, IconButton, toast } from '@/parts';
import { Section } from './Section';
import { words } from './words';

const SHOWN_END = 4;

export function ApiKey() {
  const say = useWords(words);
  const id = useId();
  const key = useApiKey();
  const [draft, setDraft] = useState('');
  const [isShown, setShown] = useState(false);
  const [isWrong, setWrong] = useState(false);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const given = draft.trim();
    setWrong(!isKey(given));
    if (!isKey(given)) return;
    setApiKey(given);
    setDraft('');
    setShown(false);
    toast.done(say('key.saved'));
  };
  return (
    <Section id="key" title={say('key')} note={say('key.note')}>
      {key !== '' && (
        <div className="flex flex-wrap items-center gap-3">
          <span role="status">{say('key.used', { end: key.length > 2 * SHOWN_END ? key.slice(-SHOWN_END) : '' })}</span>
          <Button
            size="small"
            kind="danger"
            onClick={() => {
              setApiKey('');
              toast.done(say('key.forgotten'));
            }}
          >
            {say('key.forget')}
          </Button>
        </div>
      )}
      <form onSubmit={onSubmit} noValidate>
        <label htmlFor={id} className="mb-1 block text-sm font-medium text-muted">
          {say('key.label')}
        </label>
        <div className="flex flex-wrap gap-2">
          <span className="relative min-w-0 flex-[1_1_220px]">
            <input
              id={id}
              type={isShown ? 'text' : 'password'}
              value={draft}
              autoComplete="off"
              spellCheck={false}
              aria-invalid={isWrong}
              aria-describedby={isWrong ? `${id}-wrong` : undefined}
              onChange={(event) => {
                setDraft(event.target.value);
                setWrong(false);
              }}
              className="field pr-9 font-mono"
            />
            <IconButton
              size="small"
              label={say(isShown ? 'key.hide' : 'key.show')}
              aria-pressed={isShown}
              icon={isShown ? <EyeOff size={15} aria-hidden /> : <Eye size={15} aria-hidden />}
              onClick={() => setShown(!isShown)}
              className="absolute top-[3px] right-1"
            />
          </span>
          <Button type="submit" disabled={draft.trim() === ''}>
            {say('key.save')}
          </Button>
        </div>
        {isWrong && (
          <p id={`${id}-wrong`} role="alert" className="mt-1 text-sm text-red">
            {say('key.invalid')}
          </p>
        )}
      </form>
    </Section>
  );
}
