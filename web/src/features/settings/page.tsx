/** A person's settings, what the server's model is, and what to do with one's data. */
import { AccessSection } from '@/features/access/AccessSection';
import { AccountSection } from '@/features/account/AccountSection';
import { useTitle } from '@/frame/title';
import { useWords } from '@/i18n/words';
import { PageHead } from '@/parts';
import { Appearance } from './Appearance';
import { FeedbackForm } from './FeedbackForm';
import { ModelStatus } from './ModelStatus';
import { Transfer } from './Transfer';
import { words } from './words';

export function SettingsPage() {
  const say = useWords(words);
  useTitle(say('title'));
  return (
    <div className="mx-auto max-w-5xl">
      <PageHead title={say('title')} />
      <div>
        <Appearance />
        <ModelStatus />
        <AccountSection />
        <AccessSection />
        <Transfer />
        <FeedbackForm />
      </div>
    </div>
  );
}
