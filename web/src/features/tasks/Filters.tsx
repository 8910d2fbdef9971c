import { useQuery } from '@tanstack/react-query';
import { ChevronDown, Search, X } from 'lucide-react';
import { useEffect, useId, useRef, useState } from 'react';
import { STATUSES } from '@/events/status';
import { useWords } from '@/i18n/words';
import { Button, cx, FilterChip, Menu, PriorityMark, StatusMark } from '@/parts';
import { words as partWords } from '@/parts/words';
import { usePreferences } from '@/preferences/store';
import { changed, isFiltered, joinStatuses, statusesOf, WHENS, type TasksSearch } from './search';
import { teamsQuery, titleOf } from './teams';
import { words } from './words';

interface FilterProps {
  readonly search: TasksSearch;
  readonly onChange: (search: TasksSearch) => void;
}

const CHIP = 'inline-flex items-stretch overflow-hidden rounded-full border text-sm whitespace-nowrap';
const CHIP_SET = 'border-accent bg-tint text-accent-strong';
const CHIP_UNSET = 'border-line bg-surface text-muted';
const TRIGGER = 'inline-flex min-h-7 items-center gap-1 px-3 hover:text-text';

function Clear({ name, onClear }: { readonly name: string; readonly onClear: () => void }) {
  const say = useWords(words);
  return (
    <button type="button" aria-label={say('filter.clear.one', { name })} className="grid w-7 place-items-center hover:bg-hover" onClick={onClear}>
      <X size={13} aria-hidden />
    </button>
  );
}

function StatusChip({ search, onChange }: FilterProps) {
  const say = useWords(words);
  const sayPart = useWords(partWords);
  const chosen = statusesOf(search);
  const label = say('filter.status');
  const said = chosen.map((one) => sayPart(`status.${one}`)).join(' / ');
  return (
    <span className={cx(CHIP, chosen.length > 0 ? CHIP_SET : CHIP_UNSET)}>
      <Menu
        label={label}
        triggerClass={TRIGGER}
        trigger={
          <>
            <span className="max-w-52 truncate">{chosen.length > 0 ? `${label}: ${said}` : label}</span>
            {chosen.length === 0 && <ChevronDown size={14} aria-hidden />}
          </>
        }
        items={STATUSES.map((status) => ({
          key: status,
          label: sayPart(`status.${status}`),
          icon: (
            <span aria-hidden="true">
              <StatusMark status={status} />
            </span>
          ),
          isChecked: chosen.includes(status),
          isOneOfMany: true,
          onSelect: () =>
            onChange(changed(search, { status: joinStatuses(chosen.includes(status) ? chosen.filter((one) => one !== status) : [...chosen, status]) })),
        }))}
      />
      {chosen.length > 0 && <Clear name={label} onClear={() => onChange(changed(search, { status: undefined }))} />}
    </span>
  );
}

function AssigneeChip({ search, onChange }: FilterProps) {
  const say = useWords(words);
  const id = useId();
  const box = useRef<HTMLSpanElement>(null);
  const trigger = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [typed, setTyped] = useState('');
  useEffect(() => {
    if (!isOpen) return;
    const onDown = (event: PointerEvent) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener('pointerdown', onDown);
    return () => document.removeEventListener('pointerdown', onDown);
  }, [isOpen]);
  const label = say('filter.assignee');
  const close = () => {
    setOpen(false);
    trigger.current?.focus();
  };
  return (
    <span ref={box} className="relative">
      <span className={cx(CHIP, search.assignee === undefined ? CHIP_UNSET : CHIP_SET)}>
        <button
          ref={trigger}
          type="button"
          aria-expanded={isOpen}
          aria-controls={isOpen ? id : undefined}
          className={TRIGGER}
          onClick={() => {
            setTyped(search.assignee ?? '');
            setOpen(!isOpen);
          }}
        >
          <span className="max-w-40 truncate">{search.assignee === undefined ? label : `${label}: ${search.assignee}`}</span>
          {search.assignee === undefined && <ChevronDown size={14} aria-hidden />}
        </button>
        {search.assignee !== undefined && <Clear name={label} onClear={() => onChange(changed(search, { assignee: undefined }))} />}
      </span>
      {isOpen && (
        <form
          id={id}
          className="appear absolute top-full left-0 z-40 mt-1 flex w-64 gap-2 rounded-card border border-line bg-surface p-2 shadow-float"
          onKeyDown={(event) => {
            if (event.key === 'Escape') close();
          }}
          onSubmit={(event) => {
            event.preventDefault();
            onChange(changed(search, { assignee: typed }));
            close();
          }}
        >
          <input
            autoFocus
            aria-label={label}
            placeholder={say('filter.assignee.placeholder')}
            value={typed}
            maxLength={200}
            onChange={(event) => setTyped(event.target.value)}
            className="field min-w-0 flex-1"
          />
          <Button kind="primary" type="submit">
            {say('filter.apply')}
          </Button>
        </form>
      )}
    </span>
  );
}

export function Filters({ search, onChange }: FilterProps) {
  const say = useWords(words);
  const sayPart = useWords(partWords);
  const { language } = usePreferences();
  const teams = useQuery(teamsQuery).data?.teams ?? [];
  return (
    <div role="group" aria-label={say('filter.label')} className="flex flex-wrap items-center gap-2">
      <StatusChip search={search} onChange={onChange} />
      <FilterChip
        label={say('filter.priority')}
        value={search.priority}
        choices={([4, 3, 2, 1] as const).map((value) => ({
          value,
          label: sayPart(`priority.${value}`),
          icon: (
            <span aria-hidden="true">
              <PriorityMark priority={value} isWordShown={false} />
            </span>
          ),
        }))}
        onChange={(priority) => onChange(changed(search, { priority }))}
      />
      <AssigneeChip search={search} onChange={onChange} />
      {(teams.length > 1 || search.team !== undefined) && (
        <FilterChip
          label={say('filter.team')}
          value={search.team}
          choices={teams.map((team) => ({ value: team.name, label: titleOf(team, language) }))}
          onChange={(team) => onChange(changed(search, { team }))}
        />
      )}
      <FilterChip
        label={say('filter.when')}
        value={search.when}
        choices={WHENS.map((value) => ({ value, label: say(`filter.when.${value}`) }))}
        onChange={(when) => onChange(changed(search, { when }))}
      />
      {isFiltered(search) && (
        <Button kind="quiet" size="small" onClick={() => onChange({})}>
          {say('filter.clear')}
        </Button>
      )}
    </div>
  );
}

const PAUSE_MS = 250;

/** Words to look for; the address follows when the typing rests. */
export function SearchField({ search, onChange }: FilterProps) {
  const say = useWords(words);
  const [typed, setTyped] = useState(search.q ?? '');
  const told = useRef(search.q ?? '');
  const latest = useRef({ search, onChange });
  latest.current = { search, onChange };
  useEffect(() => {
    // Changed elsewhere: a view, the back button.
    if ((search.q ?? '') === told.current) return;
    told.current = search.q ?? '';
    setTyped(told.current);
  }, [search.q]);
  useEffect(() => {
    const wanted = typed.trim();
    if (wanted === told.current) return;
    const timer = setTimeout(() => {
      told.current = wanted;
      latest.current.onChange(changed(latest.current.search, { q: wanted }));
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <span className="relative w-full shrink-0 md:w-56 lg:w-72">
      <Search size={15} aria-hidden className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-muted" />
      <input
        type="text"
        role="searchbox"
        enterKeyHint="search"
        aria-label={say('search.label')}
        placeholder={say('search.label')}
        value={typed}
        maxLength={200}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') setTyped('');
        }}
        className="field w-full px-8!"
      />
      {typed !== '' && (
        <button
          type="button"
          aria-label={say('search.clear')}
          onClick={() => setTyped('')}
          className="absolute top-1/2 right-1 grid size-7 -translate-y-1/2 place-items-center rounded-control text-muted hover:text-text"
        >
          <X size={14} aria-hidden />
        </button>
      )}
    </span>
  );
}
