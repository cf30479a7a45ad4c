"""Parts of the module FacialLandmarks3D; each is imported where it is used."""
