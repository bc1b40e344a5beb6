"""The picture sets that taught the detector, and their terms, for its card."""

from __future__ import annotations

SOURCES = (
    "WIDER FACE (validation and five events of training)",
    "LFW (one picture of each of 500 people)",
    "Flickr8k",
    "COCO (samples of train2014 and val2014)",
    "ImageNet (one picture a class, a sample)",
    "fifteen scene categories (Lazebnik et al. 2006)",
    "clothing-dataset-small",
    "GroceryStoreDataset",
    "Face-Mask-Detection (chandrikadeb7)",
    "observations (prajnasb)",
    "Ultra-Light-Fast-Generic-Face-Detector-1MB: test pictures",
    "playing cards (EdjeElectronics)",
    "FER2013's training faces, pasted into scenes (Kaggle challenge 2013)",
)
TERMS = (
    "WIDER FACE, LFW, ImageNet, Flickr8k, FER2013 and the scene categories are published for"
    " research; COCO and Flickr8k photographs keep their authors' Flickr terms;"
    " clothing-dataset-small is CC0; GroceryStoreDataset, Face-Mask-Detection and Ultra-Light are"
    " MIT; the playing cards are Apache-2.0; observations states none. UTKFace (non-commercial) was"
    " left out. No picture is in this file. Labels were drawn by YuNet (OpenCV Zoo, MIT) and by"
    " WIDER FACE's authors."
)
