import { defineWords } from '@/i18n/words';

export const words = defineWords('chat', {
  zh: {
    title: '对话',
  },
  en: {
    title: 'Chat',
  },
});
