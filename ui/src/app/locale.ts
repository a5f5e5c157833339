/**
 * Must be the first import of main.ts.
 *
 * WebKitGTK reports the language "C" where the locale is C, POSIX or C.UTF-8 (servers,
 * containers, CI). That is not a language tag, and Intl throws a RangeError on it.
 */
export function fixLanguage(nav: Navigator = navigator): void {
  try {
    Intl.getCanonicalLocales([...nav.languages, nav.language]);
  } catch {
    Object.defineProperty(nav, "language", { value: "en-US", configurable: true });
    Object.defineProperty(nav, "languages", { value: ["en-US"], configurable: true });
  }
}

fixLanguage();
