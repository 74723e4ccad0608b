#!/usr/bin/env python3
"""Makes small picture files and records what PIL reads in them, with which Fovea's tests compare.

Run by hand from the repository's root; needs PIL with libjpeg-turbo and libwebp, and NumPy:

    /usr/bin/python3 tests/golden/record_pictures.py

It writes beside itself
    pictures/       the files: every kind of pixel that is read, a few hundred bytes each
    pictures.txt    a line for each: name, channels, at_least, height, width, SHA-256 of [C,H,W]

Gray of 16 bits is cut to its upper 8, where PIL would clip it at 255.
"""
import hashlib
import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

HERE = os.path.dirname(os.path.abspath(__file__))
DIR = os.path.join(HERE, "pictures")
os.makedirs(DIR, exist_ok=True)


def path(name):
    return os.path.join(DIR, name)


# ---- something to look at -----------------------------------------------------------------------

def scene(height, width, channels):
    """Slopes, a disc and some noise: every channel another."""
    y, x = np.mgrid[0:height, 0:width]
    random = np.random.RandomState(height * 1000 + width + channels)
    planes = []
    for c in range(channels):
        plane = 40 * c + 150 * x / width + 60 * np.sin(y / (2 + c))
        plane += 70 * ((x - width / 2) ** 2 + (y - height / 2) ** 2 < 20 * (c + 1))
        planes.append(plane + random.randint(0, 12, (height, width)))
    return np.clip(np.stack(planes, 2), 0, 255).astype(np.uint8)


def rgb(height=17, width=23):
    return Image.fromarray(scene(height, width, 3))


def gray(height=17, width=23):
    return Image.fromarray(scene(height, width, 1)[:, :, 0])


# ---- PNG that PIL does not write ----------------------------------------------------------------

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack(samples, bits):
    """A row of samples, [n], as bytes."""
    if bits == 16:
        return samples.astype(">u2").tobytes()
    if bits == 8:
        return samples.astype(np.uint8).tobytes()
    places = samples.astype(np.uint8)[:, None] >> np.arange(bits)[::-1] & 1
    return np.packbits(places.reshape(-1)).tobytes()


ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
         (1, 0, 2, 1)]


def png(name, pixels, bits, colour, interlaced=False, chunks=()):
    """pixels [H,W,S]; colour as in IHDR."""
    height, width = pixels.shape[:2]
    raw = b""
    for y0, x0, dy, dx in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        for row in pixels[y0::dy, x0::dx]:
            if row.size:
                raw += b"\0" + pack(row.reshape(-1), bits)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    data = chunk(b"IHDR", header)
    for kind, body in chunks:
        data += chunk(kind, body)
    data += chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
    with open(path(name), "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + data)


# ---- all files ----------------------------------------------------------------------------------

def exif(orientation, order=">"):
    mark = b"MM\0*" if order == ">" else b"II*\0"
    entries = [(0x010f, 2, 4, b"me\0\0"), (0x0112, 3, 1, struct.pack(order + "HH", orientation, 0))]
    body = b"".join(struct.pack(order + "HHI", *e[:3]) + e[3] for e in entries)
    return mark + struct.pack(order + "IH", 8, 2) + body + struct.pack(order + "I", 0)


def jpegs():
    gray().save(path("gray.jpg"), quality=90)
    rgb().save(path("444.jpg"), quality=80, subsampling=0)
    rgb().save(path("420.jpg"), quality=80, subsampling=2)
    rgb().save(path("422.jpg"), quality=80, subsampling=1)
    rgb(20, 33).save(path("progressive.jpg"), quality=70, progressive=True)
    rgb(60, 85).save(path("large.jpg"), quality=40)
    gray(60, 85).save(path("large_turned.jpg"), quality=40, exif=b"Exif\0\0" + exif(6))
    Image.fromarray(scene(17, 23, 4), "CMYK").save(path("cmyk.jpg"), quality=85)
    data = bytearray(open(path("cmyk.jpg"), "rb").read())
    data[data.index(b"Adobe") + 11] = 2  # the same numbers, taken as YCCK
    open(path("ycck.jpg"), "wb").write(data)
    for o in range(2, 9):
        rgb(9, 14).save(path("turned%d.jpg" % o), quality=60, subsampling=2,
                        exif=b"Exif\0\0" + exif(o, ">" if o % 2 else "<"))


def pngs():
    color = scene(17, 23, 3)
    gray().save(path("gray.png"))
    gray().convert("1").save(path("1bit.png"))
    rgb().save(path("rgb.png"))
    Image.fromarray(scene(17, 23, 4), "RGBA").save(path("rgba.png"))
    Image.fromarray(scene(17, 23, 2), "LA").save(path("la.png"))
    palette = rgb().quantize(13)
    palette.save(path("palette.png"), bits=4)
    palette.save(path("palette_transparent.png"), transparency=bytes(range(13)))
    deep = scene(17, 23, 3).astype(np.uint16) * 251 + 77
    png("gray2.png", scene(17, 23, 1) >> 6, 2, 0)
    png("gray4.png", scene(17, 23, 1) >> 4, 4, 0)
    png("gray16.png", deep[:, :, :1], 16, 0)
    png("rgb16.png", deep, 16, 2)
    png("rgba16.png", np.concatenate([deep, deep[:, :, :1]], 2), 16, 6)
    png("key.png", color, 8, 2, chunks=[(b"tRNS", struct.pack(">HHH", *map(int, color[3, 4])))])
    png("interlaced.png", color, 8, 2, interlaced=True)
    png("interlaced1.png", scene(9, 11, 1) >> 7, 1, 0, interlaced=True)
    png("turned.png", color, 8, 2, chunks=[(b"eXIf", exif(8))])


def others():
    rgb().save(path("lossy.webp"), quality=70)
    rgb().save(path("lossless.webp"), lossless=True)
    Image.fromarray(scene(17, 23, 4), "RGBA").save(path("alpha.webp"), lossless=True)
    rgb().save(path("turned.webp"), quality=50, exif=exif(7))
    rgb().save(path("rgb.bmp"))
    gray().save(path("gray.bmp"))
    gray().convert("1").save(path("1bit.bmp"))
    rgb().quantize(13).save(path("palette.bmp"))
    Image.fromarray(scene(17, 23, 4), "RGBA").save(path("rgba.bmp"))
    data = bytearray(open(path("rgb.bmp"), "rb").read())
    data[22:26] = struct.pack("<i", -17)
    open(path("top_down.bmp"), "wb").write(data)
    four = bytes(range(48)) + bytes(16)
    rows = b"".join(bytes((x * 37 + y * 11) & 255 for x in range(4)) for y in range(5))
    open(path("4bit.bmp"), "wb").write(
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 54 + 64 + 20, 0, 54 + 64, 40, 7, 5, 1, 4, 0, 20, 0,
                            0, 16, 0) + four + rows)
    rgb().save(path("rgb.ppm"))
    gray().save(path("gray.pgm"))
    color = scene(5, 7, 3)
    text = "\n".join(" ".join(map(str, row.reshape(-1))) for row in color)
    open(path("text.ppm"), "w").write("P3\n# a comment\n7 5\n255\n" + text + "\n")
    text = " ".join(map(str, (color[:, :, 0] >> 4).reshape(-1)))
    open(path("text15.pgm"), "w").write("P2 7 5 15 " + text)
    open(path("max100.ppm"), "wb").write(b"P6\n7 #w\n5\n100\n" + (color // 3).tobytes())
    deep = (color.astype(np.uint16) * 3).astype(">u2")
    open(path("max765.ppm"), "wb").write(b"P6 7 5 765\n" + deep.tobytes())


# ---- GIF ----------------------------------------------------------------------------------------

def gif_block(data):
    """Pixels of 8 bits without compression: a clear code before every 100 of 9 bits."""
    codes = []
    for i, value in enumerate(data):
        if i % 100 == 0:
            codes.append(256)
        codes.append(value)
    bits = "".join(format(code, "09b")[::-1] for code in codes + [257])
    bits += "0" * (-len(bits) % 8)
    packed = bytes(int(bits[i:i + 8][::-1], 2) for i in range(0, len(bits), 8))
    return b"".join(bytes([len(packed[i:i + 255])]) + packed[i:i + 255]
                    for i in range(0, len(packed), 255)) + b"\0"


def gifs():
    rgb().quantize(13).save(path("palette.gif"))
    gray().save(path("gray.gif"))
    rgb().quantize(200).save(path("interlaced.gif"), interlace=1)
    rgb().quantize(20).save(path("animated.gif"), save_all=True,
                            append_images=[gray().convert("RGB").quantize(5)])
    palette = bytes(np.random.RandomState(3).randint(0, 256, 768, dtype=np.uint8))
    pixels = bytes(np.random.RandomState(4).randint(0, 256, 17 * 23, dtype=np.uint8))
    comment = b"!\xfe\x05hello\0"
    for name, interlace in ("local.gif", 0), ("local_interlaced.gif", 64):
        open(path(name), "wb").write(
            b"GIF89a" + struct.pack("<HHBBB", 23, 17, 0, 0, 0) + comment + b"," +
            struct.pack("<HHHHB", 0, 0, 23, 17, 0x87 | interlace) + palette + b"\x08" +
            gif_block(pixels) + b";")


# ---- what PIL makes of them ---------------------------------------------------------------------

def pixels(name, channels, at_least):
    image = Image.open(path(name))
    mode = "L" if channels == 1 else "RGB"
    if at_least:
        h, w = at_least
        turned = image.getexif().get(0x0112, 1) >= 5
        image.draft(image.mode, (h, w) if turned else (w, h))
    if image.mode == "I":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    array = np.asarray(ImageOps.exif_transpose(image).convert(mode))
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def record():
    lines = []
    for name in sorted(os.listdir(DIR)):
        sizes = [None, (8, 11), (15, 20), (30, 40), (31, 40)] if "large" in name else [None]
        for size in sizes:
            for channels in 1, 3:
                array = pixels(name, channels, size)
                digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
                least = "%dx%d" % size if size else "0x0"
                lines.append("%s %d %s %d %d %s" % (name, channels, least, *array.shape[1:],
                                                    digest))
    with open(os.path.join(HERE, "pictures.txt"), "w") as file:
        file.write("\n".join(lines) + "\n")


jpegs()
pngs()
others()
gifs()
record()
