import { defineWords } from '@/i18n/words';

export const words = defineWords('settings', {
  zh: {
    title: '设置',
  },
  en: {
    title: 'Settings',
  },
});
