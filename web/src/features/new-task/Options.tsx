import { useQuery } from '@tanstack/react-query';
import { teamsQuery, titleOf } from '@/features/tasks/teams';
import { locale, useWords } from '@/i18n/words';
import { ErrorNote, PriorityMark, Segmented, Skeleton } from '@/parts';
import { words as partWords } from '@/parts/words';
import { useCurrency } from '@/preferences/settings';
import { usePreferences } from '@/preferences/store';
import type { Draft } from './draft';
import { Field } from './Field';
import { words } from './words';

interface OptionsProps {
  readonly draft: Draft;
  readonly errorsOf: (...fields: readonly string[]) => readonly string[];
  readonly isDisabled: boolean;
  readonly onChange: (changes: Partial<Draft>) => void;
}

export function Options({ draft, errorsOf, isDisabled, onChange }: OptionsProps) {
  const say = useWords(words);
  const sayPart = useWords(partWords);
  const currency = useCurrency();
  const { language } = usePreferences();
  const teams = useQuery(teamsQuery);
  const list = teams.data?.teams ?? [];
  const team = list.find((one) => one.name === draft.team) ?? list.find((one) => one.name === 'default');
  const isPlain = list.length <= 1 && draft.team === '';
  const names = team?.agents.map((one) => titleOf(one, language)) ?? [];
  const members = say('team.members', { count: names.length, names: new Intl.ListFormat(locale(), { type: 'conjunction' }).format(names) });
  return (
    <div className="grid gap-4">
      {teams.isPending && <Skeleton className="h-14" />}
      {teams.error && <ErrorNote error={teams.error} isCompact onRetry={() => void teams.refetch()} />}
      {teams.data && (
        <Field label={say('team.label')} hint={members} errors={errorsOf('team')}>
          {(attributes) => (
            <select
              {...attributes}
              disabled={isDisabled || isPlain}
              value={draft.team === '' ? (team?.name ?? '') : draft.team}
              onChange={(event) => onChange({ team: event.target.value })}
              className="field w-full"
            >
              {draft.team !== '' && !list.some((one) => one.name === draft.team) && <option value={draft.team}>{draft.team}</option>}
              {list.map((one) => (
                <option key={one.name} value={one.name}>
                  {titleOf(one, language)}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      <div>
        <div aria-hidden="true" className="mb-1 text-sm font-medium">
          {say('priority.label')}
        </div>
        <Segmented
          label={say('priority.label')}
          isLabelHidden
          value={draft.priority}
          choices={([1, 2, 3, 4] as const).map((value) => ({
            value,
            label: sayPart(`priority.${value}`),
            icon: (
              <span aria-hidden="true">
                <PriorityMark priority={value} isWordShown={false} />
              </span>
            ),
          }))}
          onChange={(priority) => onChange({ priority })}
        />
      </div>
      <Field label={say('assignee.label')} errors={errorsOf('assignee')}>
        {(attributes) => (
          <input
            {...attributes}
            disabled={isDisabled}
            value={draft.assignee}
            placeholder={say('assignee.placeholder')}
            autoComplete="off"
            onChange={(event) => onChange({ assignee: event.target.value })}
            className="field w-full"
          />
        )}
      </Field>
      <Field label={say('deadline.label')} errors={errorsOf('deadline')}>
        {(attributes) => (
          <input
            {...attributes}
            type="datetime-local"
            disabled={isDisabled}
            value={draft.deadline}
            onChange={(event) => onChange({ deadline: event.target.value })}
            className="field w-full"
          />
        )}
      </Field>
      <Field label={say('start.label')} hint={say('start.hint')} errors={errorsOf('start_at', 'delay_s')}>
        {(attributes) => (
          <input
            {...attributes}
            type="datetime-local"
            disabled={isDisabled}
            value={draft.startAt}
            onChange={(event) => onChange({ startAt: event.target.value })}
            className="field w-full"
          />
        )}
      </Field>
      <fieldset disabled={isDisabled} className="min-w-0">
        <legend className="mb-1 text-sm font-medium">{say('budget.label')}</legend>
        <div className="grid grid-cols-2 gap-3">
          <Field label={say('budget.tokens')} errors={errorsOf('budget.tokens', 'budget')}>
            {(attributes) => (
              <input
                {...attributes}
                inputMode="numeric"
                autoComplete="off"
                value={draft.tokens}
                onChange={(event) => onChange({ tokens: event.target.value })}
                className="field w-full"
              />
            )}
          </Field>
          <Field label={currency === null ? say('budget.cost.plain') : say('budget.cost', { currency })} errors={errorsOf('budget.cost')}>
            {(attributes) => (
              <input
                {...attributes}
                inputMode="decimal"
                autoComplete="off"
                value={draft.cost}
                onChange={(event) => onChange({ cost: event.target.value })}
                className="field w-full"
              />
            )}
          </Field>
        </div>
        <p className="mt-1 text-sm text-muted">{say('budget.hint')}</p>
      </fieldset>
      <Field label={say('language.label')} errors={errorsOf('language')}>
        {(attributes) => (
          <select
            {...attributes}
            disabled={isDisabled}
            value={draft.language}
            onChange={(event) => {
              const { value } = event.target;
              onChange({ language: value === 'zh' || value === 'en' ? value : '' });
            }}
            className="field w-full"
          >
            <option value="">{say('language.auto')}</option>
            <option value="zh" lang="zh-CN">
              {say('language.zh')}
            </option>
            <option value="en" lang="en">
              {say('language.en')}
            </option>
          </select>
        )}
      </Field>
    </div>
  );
}
