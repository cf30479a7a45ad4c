"""Reports: one self-contained page per case or comparison, tables as CSV and XLSX, DICOM SR, an index of a cohort."""
