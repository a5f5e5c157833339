/** As much of it as the pictures need. */
declare module "upng-js" {
  interface Picture {
    width: number;
    height: number;
  }
  const UPNG: {
    decode(png: Uint8Array): Picture;
    /** The frames of a picture, each as its pixels. */
    toRGBA8(picture: Picture): ArrayBuffer[];
    encode(
      frames: ArrayBuffer[],
      width: number,
      height: number,
      colors: number,
      delays?: number[],
    ): ArrayBuffer;
  };
  export default UPNG;
}
