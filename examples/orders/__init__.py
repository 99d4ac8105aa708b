"""An order with a child workflow per parcel."""
