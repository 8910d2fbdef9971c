import { Link } from '@tanstack/react-router';
import { BookmarkPlus, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { useWords } from '@/i18n/words';
import { Button, cx, Dialog, toast } from '@/parts';
import { words as partWords } from '@/parts/words';
import { isFiltered, type TasksSearch } from './search';
import { BUILT_IN, isSameView, keepViews, MAX_NAME_CHARS, useSavedViews, withView, type SavedView } from './views';
import { words } from './words';

const TAB = 'inline-flex min-h-8 items-center rounded-control px-2.5 whitespace-nowrap no-underline transition-colors duration-100';

function ViewLink({ name, search, isHere }: { readonly name: string; readonly search: TasksSearch; readonly isHere: boolean }) {
  const link = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (isHere) link.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [isHere]);
  return (
    <Link
      ref={link}
      to="/tasks"
      search={search}
      aria-current={isHere ? 'true' : undefined}
      activeProps={{}}
      className={cx(TAB, isHere ? 'bg-tint font-medium text-accent-strong' : 'text-muted hover:bg-hover hover:text-text')}
    >
      {name}
    </Link>
  );
}

/** A dialog gives the focus to what has this attribute; React does not write it. */
function beFirst(input: HTMLInputElement | null): void {
  input?.setAttribute('autofocus', '');
}

function SaveDialog({ isOpen, search, onClose }: { readonly isOpen: boolean; readonly search: TasksSearch; readonly onClose: () => void }) {
  const say = useWords(words);
  const sayPart = useWords(partWords);
  const views = useSavedViews();
  const [name, setName] = useState('');
  const save = () => {
    const view: SavedView = { name: name.trim(), search };
    keepViews(withView(views, view));
    toast.done(say('view.saved', { name: view.name }), { undo: () => keepViews(views) });
    setName('');
    onClose();
  };
  return (
    <Dialog
      isOpen={isOpen}
      onClose={onClose}
      title={say('view.save')}
      width="small"
      actions={
        <>
          <Button onClick={onClose}>{sayPart('cancel')}</Button>
          <Button kind="primary" type="submit" form="save-view" disabled={name.trim() === ''}>
            {say('view.save')}
          </Button>
        </>
      }
    >
      <form
        id="save-view"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() !== '') save();
        }}
      >
        <label className="block">
          <span className="mb-1 block text-sm font-medium">{say('view.name')}</span>
          <input ref={beFirst} value={name} maxLength={MAX_NAME_CHARS} onChange={(event) => setName(event.target.value)} className="field w-full" />
        </label>
        <p className="mt-2 text-sm text-muted">{say('view.save.text')}</p>
      </form>
    </Dialog>
  );
}

/** Views side by side: those of the product, then the person's own. */
export function Views({ search }: { readonly search: TasksSearch }) {
  const say = useWords(words);
  const saved = useSavedViews();
  const [isSaving, setSaving] = useState(false);
  const isKnown = [...BUILT_IN, ...saved].some((one) => isSameView(one.search, search));
  return (
    <nav aria-label={say('views')} className="-mx-1 flex min-w-0 items-center gap-1 overflow-x-auto px-1 py-0.5 [scrollbar-width:none]">
      {BUILT_IN.map((view) => (
        <ViewLink key={view.key} name={say(`view.${view.key}`)} search={view.search} isHere={isSameView(view.search, search)} />
      ))}
      {saved.length > 0 && <span aria-hidden="true" className="mx-1 h-4 w-px shrink-0 bg-line" />}
      {saved.map((view) => {
        const isHere = isSameView(view.search, search);
        return (
          <span key={view.name} className="inline-flex shrink-0 items-center">
            <ViewLink name={view.name} search={view.search} isHere={isHere} />
            {isHere && (
              <button
                type="button"
                aria-label={say('view.remove', { name: view.name })}
                title={say('view.remove', { name: view.name })}
                className="grid size-7 place-items-center rounded-control text-muted hover:bg-hover hover:text-text"
                onClick={() => {
                  keepViews(saved.filter((one) => one !== view));
                  toast.done(say('view.removed', { name: view.name }), { undo: () => keepViews(saved) });
                }}
              >
                <X size={13} aria-hidden />
              </button>
            )}
          </span>
        );
      })}
      {isFiltered(search) && !isKnown && (
        <Button kind="quiet" size="small" icon={<BookmarkPlus size={15} aria-hidden />} onClick={() => setSaving(true)}>
          {say('view.save')}
        </Button>
      )}
      <SaveDialog isOpen={isSaving} search={search} onClose={() => setSaving(false)} />
    </nav>
  );
}
