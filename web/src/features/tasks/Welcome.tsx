import { Link, useNavigate } from '@tanstack/react-router';
import { BookOpenText, ChartSpline, FileText, ListTodo, Plus } from 'lucide-react';
import { useMay } from '@/api/access';
import { NotAllowed } from '@/features/access/NotAllowed';
import { beginWith, TEMPLATES } from '@/features/new-task/templates';
import { words as newWords } from '@/features/new-task/words';
import { useWords } from '@/i18n/words';
import { buttonClass } from '@/parts';
import { words } from './words';

const ICONS = { data: ChartSpline, research: BookOpenText, document: FileText } as const;

/** Nobody has asked for anything yet: what could be asked for. */
export function Welcome() {
  const say = useWords(words);
  const sayNew = useWords(newWords);
  const navigate = useNavigate();
  const canWrite = useMay()('tasks:write');
  return (
    <div className="mx-auto flex max-w-4xl flex-col items-center px-2 pt-10 pb-6 text-center md:pt-16">
      <div className="mb-4 grid size-12 place-items-center rounded-card bg-tint text-accent">
        <ListTodo size={22} aria-hidden />
      </div>
      <h2 className="text-xl font-semibold">{say('empty.title')}</h2>
      <p className="mt-1.5 max-w-xl text-muted">{say('empty.text')}</p>
      {!canWrite && <NotAllowed permission="tasks:write" className="mt-4" />}
      {canWrite && (
        <>
          <ul className="mt-8 grid w-full gap-3 text-left md:grid-cols-3">
            {TEMPLATES.map((template) => {
              const Icon = ICONS[template];
              return (
                <li key={template}>
                  <button
                    type="button"
                    onClick={() => {
                      beginWith(template);
                      void navigate({ to: '/tasks/new' });
                    }}
                    className="card flex h-full w-full flex-col items-start p-4 text-left transition-colors duration-100 hover:border-accent"
                  >
                    <span className="mb-3 flex items-center gap-2 font-semibold">
                      <Icon size={18} aria-hidden className="text-accent" />
                      {sayNew(`template.${template}.kind`)}
                    </span>
                    <span className="flex-1 text-muted">{sayNew(`template.${template}.about`)}</span>
                    <span className="mt-4 text-sm font-medium text-accent">{sayNew('template.use')}</span>
                  </button>
                </li>
              );
            })}
          </ul>
          <Link to="/tasks/new" className={`${buttonClass('plain')} mt-6`}>
            <Plus size={16} aria-hidden />
            {say('empty.blank')}
          </Link>
        </>
      )}
    </div>
  );
}
