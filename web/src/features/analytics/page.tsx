import { useTitle } from '@/frame/title';
import { useWords } from '@/i18n/words';
import { PageHead } from '@/parts';
import { words } from './words';

export function AnalyticsPage() {
  const say = useWords(words);
  useTitle(say('title'));
  return <PageHead title={say('title')} />;
}
