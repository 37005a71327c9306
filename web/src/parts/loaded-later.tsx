/** A page whose program is loaded when it is first shown: what it brings along is not waited for by who looks at others. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

type Shown<Props> = (props: Props) => JSX.Element;

export function loadedLater<Props extends object>(load: () => Promise<Shown<Props>>): Shown<Props> {
  let known: Shown<Props> | undefined;
  return function LoadedLater(props) {
    const [shown, setShown] = useState(() => known);
    const [hasFailed, setFailed] = useState(false);
    useEffect(() => {
      if (known !== undefined) return;
      load().then(
        (page) => {
          known = page;
          setShown(() => page);
        },
        () => setFailed(true),
      );
    }, []);
    if (shown !== undefined) {
      const Page = shown;
      return <Page {...props} />;
    }
    if (!hasFailed) return <p class="nothing">Loading …</p>;
    // The node went, or was replaced by one of another version, whose files have other names.
    return (
      <p class="nothing is-ill" role="alert">
        This page could not be loaded from the node.{' '}
        <button type="button" onClick={() => location.reload()}>
          Load again
        </button>
      </p>
    );
  };
}
