import { Badge, createTheme, Modal, type MantineColorsTuple } from '@mantine/core';

/** A quiet blue: what can be pressed, and where one is. White text can be read on it from the sixth shade on. */
const key: MantineColorsTuple = [
  '#eef1fb',
  '#dbe1f5',
  '#b6c1ea',
  '#8fa0df',
  '#6d82d6',
  '#566ed0',
  '#4059c4',
  '#3448a8',
  '#2b3b8b',
  '#212e6d',
];

const SYSTEM_FONTS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const SYSTEM_MONOSPACE = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace';

/** How the console looks: dense and calm, in the fonts of the system. */
export const theme = createTheme({
  colors: { key },
  primaryColor: 'key',
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  fontFamily: SYSTEM_FONTS,
  fontFamilyMonospace: SYSTEM_MONOSPACE,
  headings: { fontFamily: SYSTEM_FONTS, fontWeight: '600' },
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  defaultRadius: 'sm',
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    Badge: Badge.extend({ defaultProps: { tt: 'none' } }),
    Modal: Modal.extend({ styles: { title: { fontWeight: 600 } } }),
  },
});
