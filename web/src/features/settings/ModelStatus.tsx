/** Which language model is configured, or exactly what to set. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useWords } from '@/i18n/words';
import { CopyText, ErrorNote, Skeleton, StatusMark } from '@/parts';
import { modelQuery } from './query';
import { Section } from './Section';
import { words } from './words';

const VARIABLES = ['LLM_PROVIDER', 'LLM_MODEL', 'LLM_BASE_URL', 'LLM_API_KEY'] as const;

function Fact({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{label}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  );
}

export function ModelStatus() {
  const say = useWords(words);
  const found = useQuery(modelQuery);
  const model = found.data;
  return (
    <Section id="model" title={say('model')}>
      {found.isPending && <Skeleton className="h-20" />}
      {found.error && <ErrorNote error={found.error} isCompact onRetry={() => void found.refetch()} />}
      {model?.is_configured === true && (
        <>
          <StatusMark show="chip" status="completed" label={say('model.ready')} />
          <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-6 gap-y-1.5">
            <Fact label={say('model.provider')}>
              <code>{model.provider}</code>
            </Fact>
            <Fact label={say('model.name')}>
              <code>{model.model}</code>
            </Fact>
            <Fact label={say('model.fallback')}>
              {model.fallback_model === null ? <span className="text-muted">{say('model.no_fallback')}</span> : <code>{model.fallback_model}</code>}
            </Fact>
            {Object.keys(model.agent_models).length > 0 && (
              <Fact label={say('model.agents')}>
                <ul>
                  {Object.entries(model.agent_models).map(([agent, name]) => (
                    <li key={agent}>
                      <code>{agent}</code> → <code>{name}</code>
                    </li>
                  ))}
                </ul>
              </Fact>
            )}
          </dl>
        </>
      )}
      {model?.is_configured === false && (
        <>
          <StatusMark show="chip" status="pending" label={say('model.none')} />
          <p>{say('model.none.text')}</p>
          <div>
            <h3 className="mb-1.5 text-sm font-medium text-muted">{say('model.set')}</h3>
            <dl className="card divide-y divide-line">
              {VARIABLES.map((name) => (
                <div key={name} className="flex flex-wrap gap-x-4 px-3.5 py-2">
                  <dt className="w-32">
                    <code>{name}</code>
                  </dt>
                  <dd className="min-w-0 flex-1 text-muted">{say(`model.set.${name}`)}</dd>
                </div>
              ))}
            </dl>
          </div>
          <div>
            <h3 className="mb-1.5 text-sm font-medium text-muted">{say('model.then')}</h3>
            <CopyText text="LLM_MODEL=qwen3-32b LLM_BASE_URL=http://localhost:11434/v1 lgma serve" />
          </div>
          <div className="flex flex-wrap items-center gap-2 text-sm">
            <span className="text-muted">{say('model.check')}</span>
            <CopyText text="lgma doctor" />
          </div>
        </>
      )}
    </Section>
  );
}
