/** What somebody thinks of the product, kept on this server. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Star } from 'lucide-react';
import { useId, useState, type FormEvent } from 'react';
import { api, takeData } from '@/api/client';
import { asProblem } from '@/api/problem';
import { useWords } from '@/i18n/words';
import { Button, cx, ErrorNote, Segmented, toast } from '@/parts';
import { preferences } from '@/preferences/store';
import { Section } from './Section';
import { words } from './words';

const TYPES = ['bug_report', 'feature_request', 'general'] as const;
type FeedbackType = (typeof TYPES)[number];
const STARS = [1, 2, 3, 4, 5] as const;

function Rating({ value, onChange }: { readonly value: number | null; readonly onChange: (value: number | null) => void }) {
  const say = useWords(words);
  const name = useId();
  return (
    <fieldset>
      <legend className="mb-1 text-sm font-medium text-muted">{say('feedback.rating')}</legend>
      <div className="flex items-center gap-0.5">
        {STARS.map((star) => (
          <label key={star} title={say('feedback.star', { count: star })} className="relative grid size-8 place-items-center rounded-control has-focus-visible:outline-2 has-focus-visible:outline-accent">
            <input
              type="radio"
              name={name}
              value={star}
              checked={value === star}
              onChange={() => onChange(star)}
              aria-label={say('feedback.star', { count: star })}
              className="absolute inset-0 size-full cursor-pointer opacity-0"
            />
            <Star size={19} aria-hidden className={cx(value !== null && star <= value ? 'fill-amber text-amber' : 'text-line-strong')} />
          </label>
        ))}
        {value !== null && (
          <Button size="small" kind="quiet" onClick={() => onChange(null)}>
            {say('feedback.clear')}
          </Button>
        )}
      </div>
    </fieldset>
  );
}

export function FeedbackForm() {
  const say = useWords(words);
  const id = useId();
  const queries = useQueryClient();
  const [type, setType] = useState<FeedbackType>('bug_report');
  const [rating, setRating] = useState<number | null>(null);
  const [message, setMessage] = useState('');
  const sending = useMutation({
    mutationFn: () => {
      const { language, theme } = preferences();
      const context = { page: location.pathname, viewport: `${innerWidth}×${innerHeight}`, language, theme };
      return takeData(api.POST('/api/v1/mvp2/feedback', { body: { type, rating, message: message.trim(), context } }));
    },
    onSuccess: () => {
      setMessage('');
      setRating(null);
      toast.done(say('feedback.sent'));
      void queries.invalidateQueries({ queryKey: ['feedback'] });
    },
  });
  const field = sending.error ? asProblem(sending.error).fields.find((one) => one.field === 'message') : undefined;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (message.trim() !== '') sending.mutate();
  };
  return (
    <Section id="feedback" title={say('feedback')} note={say('feedback.note')}>
      <form onSubmit={onSubmit} className="space-y-4">
        <Segmented
          label={say('feedback.type')}
          value={type}
          onChange={setType}
          choices={TYPES.map((one) => ({ value: one, label: say(`feedback.${one}`) }))}
        />
        <Rating value={rating} onChange={setRating} />
        <div>
          <label htmlFor={id} className="mb-1 block text-sm font-medium text-muted">
            {say('feedback.message')}
          </label>
          <textarea
            id={id}
            rows={4}
            value={message}
            placeholder={say('feedback.placeholder')}
            aria-invalid={field !== undefined}
            aria-describedby={`${id}-note`}
            onChange={(event) => setMessage(event.target.value)}
            className="field resize-y"
          />
          <p id={`${id}-note`} className="mt-1 text-sm text-muted">
            {field !== undefined && (
              <span role="alert" className="mr-2 text-red">
                {field.message}
              </span>
            )}
            {say('feedback.context')}
          </p>
        </div>
        {sending.error && field === undefined && <ErrorNote error={sending.error} isCompact />}
        <Button type="submit" kind="primary" isBusy={sending.isPending} disabled={message.trim() === ''}>
          {say('feedback.send')}
        </Button>
      </form>
    </Section>
  );
}
