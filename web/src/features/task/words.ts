import { defineWords } from '@/i18n/words';

export const words = defineWords('task', {
  zh: {
    title: '任务',
    plan: '计划',
    timeline: '时间线',
    'plan.none': '计划还在制定。',
    done: '{{done}}/{{total}} 个子任务',
    elapsed: '用时',
  },
  en: {
    title: 'Task',
    plan: 'Plan',
    timeline: 'Timeline',
    'plan.none': 'The plan is being made.',
    done: '{{done}}/{{total}} subtasks',
    elapsed: 'Elapsed',
  },
});
