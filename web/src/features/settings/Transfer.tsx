/** Everything out as one file, and in again. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Download } from 'lucide-react';
import { useId, useState, type DragEvent } from 'react';
import { useMay } from '@/api/access';
import { asProblem } from '@/api/problem';
import { NotAllowed } from '@/features/access/NotAllowed';
import { formatBytes, formatNumber } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { Button, cx, ErrorNote, StatusMark, toast } from '@/parts';
import { adopt, settingsQuery } from '@/preferences/settings';
import { Section } from './Section';
import { importFile, readExport, saveFile, type ImportedCounts } from './transfer';
import { words } from './words';

function Result({ counts }: { readonly counts: ImportedCounts }) {
  const say = useWords(words);
  const isSame = counts.tasks + counts.messages + counts.settings === 0;
  return (
    <div role="status" className="card p-4">
      <p className="flex items-center gap-2 font-medium">
        <StatusMark status="completed" />
        {say(isSame ? 'import.same' : 'import.done')}
      </p>
      {!isSame && (
        <dl className="mt-2 flex flex-wrap gap-x-8 gap-y-1">
          {(['tasks', 'messages', 'settings'] as const).map((kind) => (
            <div key={kind} className="flex items-baseline gap-2">
              <dt className="text-muted">{say(`import.${kind}`)}</dt>
              <dd className="font-medium">{formatNumber(counts[kind])}</dd>
            </div>
          ))}
          {counts.tasks > 0 && (
            <Link to="/tasks" className="link">
              {say('import.see')}
            </Link>
          )}
        </dl>
      )}
    </div>
  );
}

export function Transfer() {
  const say = useWords(words);
  const id = useId();
  const queries = useQueryClient();
  const may = useMay();
  const [isOver, setOver] = useState(false);
  const exporting = useMutation({
    mutationFn: readExport,
    onSuccess: ({ name, file }) => {
      saveFile(name, file);
      toast.done(say('exported', { size: formatBytes(file.size) }));
    },
  });
  const importing = useMutation({
    mutationFn: (file: File) => importFile(file),
    onSuccess: async (counts) => {
      await queries.invalidateQueries();
      if (counts.settings > 0) adopt(await queries.fetchQuery({ ...settingsQuery, staleTime: 0 }));
    },
  });
  const take = (files: FileList | null) => {
    const file = files?.[0];
    if (file && !importing.isPending) importing.mutate(file);
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };
  return (
    <Section id="data" title={say('data')} note={say('data.note')}>
      <div>
        <Button icon={<Download size={15} aria-hidden />} isBusy={exporting.isPending} disabled={!may('data:export')} onClick={() => exporting.mutate()}>
          {say(exporting.isPending ? 'exporting' : 'export')}
        </Button>
        {!may('data:export') && <NotAllowed permission="data:export" className="mt-2" />}
        {exporting.error && <ErrorNote error={exporting.error} isCompact className="mt-3" onRetry={() => exporting.mutate()} />}
      </div>
      <div>
        <h3 className="mb-1 text-sm font-medium text-muted">{say('import')}</h3>
        {!may('data:import') ? (
          <NotAllowed permission="data:import" />
        ) : (
          <>
            <div
              onDragOver={(event) => {
                event.preventDefault();
                setOver(true);
              }}
              onDragLeave={() => setOver(false)}
              onDrop={onDrop}
              className={cx(
                'rounded-card border border-dashed px-4 py-6 text-center',
                isOver ? 'border-accent bg-tint' : 'border-line-strong',
              )}
            >
              {importing.isPending ? (
                <p role="status">{say('importing', { name: importing.variables.name })}</p>
              ) : (
                <p>
                  {say('import.drop')}{' '}
                  <label htmlFor={id} className="link font-medium underline has-focus-visible:outline-2 has-focus-visible:outline-accent">
                    {say('import.choose')}
                    <input
                      id={id}
                      type="file"
                      accept="application/json,.json"
                      className="sr-only"
                      onChange={(event) => {
                        take(event.target.files);
                        event.target.value = '';
                      }}
                    />
                  </label>
                </p>
              )}
            </div>
            <p className="mt-1 text-sm text-muted">{say('import.note')}</p>
          </>
        )}
      </div>
      {importing.error && (
        <div>
          <ErrorNote error={importing.error} />
          {/* A 4xx is about the file; where the server is away, its own words say what to do. */}
          {asProblem(importing.error).status >= 400 && asProblem(importing.error).status < 500 && <p className="mt-2 text-sm">{say('import.failed')}</p>}
        </div>
      )}
      {importing.data && !importing.isPending && <Result counts={importing.data} />}
    </Section>
  );
}
