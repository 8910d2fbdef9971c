import { defineWords } from '@/i18n/words';

export const words = defineWords('agents', {
  zh: {
    title: '智能体',
  },
  en: {
    title: 'Agents',
  },
});
