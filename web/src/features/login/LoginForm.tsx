/** Name and password, or an API key. */
import { useMutation } from '@tanstack/react-query';
import { Eye, EyeOff } from 'lucide-react';
import { useId, useLayoutEffect, useRef, useState, type FormEvent } from 'react';
import type { Access } from '@/api/access';
import { useWords } from '@/i18n/words';
import { Button, ErrorNote, IconButton } from '@/parts';
import { lastName, logIn } from './session';
import { words } from './words';

interface SecretProps {
  readonly kind: 'password' | 'key';
  readonly value: string;
  readonly isMissing: boolean;
  readonly onChange: (value: string) => void;
}

function Secret({ kind, value, isMissing, onChange }: SecretProps) {
  const say = useWords(words);
  const id = useId();
  const [isShown, setShown] = useState(false);
  const isNoted = isMissing || kind === 'key';
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {say(kind)}
      </label>
      <span className="relative block">
        <input
          id={id}
          name={kind}
          type={isShown ? 'text' : 'password'}
          value={value}
          maxLength={kind === 'key' ? 128 : 256}
          autoComplete={kind === 'key' ? 'off' : 'current-password'}
          autoCapitalize="off"
          spellCheck={false}
          aria-invalid={isMissing}
          aria-describedby={isNoted ? `${id}-note` : undefined}
          onChange={(event) => onChange(event.target.value)}
          className="field pr-9"
        />
        <IconButton
          size="small"
          label={say(isShown ? 'hide' : 'show')}
          icon={isShown ? <EyeOff size={15} aria-hidden /> : <Eye size={15} aria-hidden />}
          onClick={() => setShown(!isShown)}
          className="absolute top-[3px] right-1"
        />
      </span>
      {isNoted && (
        <p id={`${id}-note`} className={isMissing ? 'mt-1 text-sm text-red' : 'mt-1 text-sm text-muted'}>
          {isMissing ? say(`need.${kind}`) : say('key.hint')}
        </p>
      )}
    </div>
  );
}

/** `onDone` has the answer; the cookie is set by then. */
export function LoginForm({ onDone }: { readonly onDone: (access: Access) => void }) {
  const say = useWords(words);
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const [isKey, setKey] = useState(false);
  const [name, setName] = useState(lastName);
  const [secret, setSecret] = useState('');
  const [isTried, setTried] = useState(false);
  const { mutate, isPending, error, reset, isSuccess } = useMutation({
    mutationFn: () => logIn(isKey ? { key: secret.trim() } : { name: name.trim(), password: secret }),
    onSuccess: onDone,
    onError: () => setSecret(''),
  });
  const isNameMissing = isTried && !isKey && name.trim() === '';
  const isSecretMissing = isTried && secret.trim() === '' && error === null;
  useLayoutEffect(() => {
    // The first field that is empty, with the error's own drawing: later it would take the caret from who types already.
    const fields = [...(form.current?.querySelectorAll('input') ?? [])];
    (fields.find((field) => field.value === '') ?? fields[0])?.focus();
  }, [isKey, error]);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    reset();
    if (secret.trim() !== '' && (isKey || name.trim() !== '')) mutate();
    else form.current?.querySelector('input')?.focus();
  };
  return (
    <form ref={form} noValidate onSubmit={onSubmit} className="space-y-4">
      {!isKey && (
        <div>
          <label htmlFor={id} className="mb-1 block text-sm font-medium">
            {say('name')}
          </label>
          <input
            id={id}
            name="username"
            value={name}
            maxLength={64}
            autoComplete="username"
            autoCapitalize="off"
            spellCheck={false}
            aria-invalid={isNameMissing}
            aria-describedby={isNameMissing ? `${id}-note` : undefined}
            onChange={(event) => setName(event.target.value)}
            className="field"
          />
          {isNameMissing && (
            <p id={`${id}-note`} className="mt-1 text-sm text-red">
              {say('need.name')}
            </p>
          )}
        </div>
      )}
      <Secret key={isKey ? 'key' : 'password'} kind={isKey ? 'key' : 'password'} value={secret} isMissing={isSecretMissing} onChange={setSecret} />
      {error && <ErrorNote error={error} isCompact />}
      <div className="flex flex-wrap items-center justify-between gap-3">
        <Button type="submit" kind="primary" isBusy={isPending || isSuccess}>
          {say('submit')}
        </Button>
        <Button
          kind="quiet"
          size="small"
          disabled={isPending}
          onClick={() => {
            reset();
            setTried(false);
            setSecret('');
            setKey(!isKey);
          }}
        >
          {say(isKey ? 'use.password' : 'use.key')}
        </Button>
      </div>
    </form>
  );
}
